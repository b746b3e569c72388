"""The folder: the page's own files, its modules and its worker's as scripts, and the networks of each language."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..cells import by_name
from ..data.questions import Question
from ..data.text import ALONE, MARKS, SENTENCE_END
from ..demo import pretrained
from ..demo.stories import ALWAYS_FILLABLE, pirate_king_story
from ..demo.story_templates import STORY_TEMPLATES, Language
from ..emit import js
from ..errors import BundleError
from ..export.folder import MANIFEST, write
from ..lens import thresholds
from ..lens.readers import leave_one_out, span_search
from ..serve import STATIC, gradients, lengthen, serialize
from ..serve.fullwidth import typed_question
from ..serve.limits import Limits
from ..serve.models import Model, served
from ..serve.reading_cache import read_normalised
from ..tasks import PointerReader, answer
from .bundle import bundle, module_names
from .matrix_product import BLOCK, matrix_product
from .packed_weights import fit_bytes, packed, shortened
from .trim import trimmed_css, unindented

# Characters of the example with which the page opens, the shortest that it offers (`LENGTHS` in story.js).
FIRST_LENGTH: dict[Language, int] = {"zh": 100, "en": 400}
DECIMALS = 4  # a probability is shown in tenths of a percent
GATE_DECIMALS = 3  # a gate in hundredths, and one that is not quite open as such
_STYLES = ("base.css", "reading.css", "panels.css", "gradient.css", "guide.css")
# Printed: the cells from their equations, the numbers on which Python's answers depend from its modules.
_CELLS, _CONSTANTS = "engine/cells.js", "engine/constants.js"
_OFFLINE = "offline.js"
# Of the page, what comes after the first picture has a script of its own, with the words that only it says.
_FIRST, _REST = ("site.js",), ("rest.js",)
LATER_WORDS = frozenset(
    (
        "answer",
        "bridge",
        "change",
        "film",
        "gradient",
        "guide",
        "hint",
        "keys",
        "lasting",
        "lengthen",
        "phase",
        "step",
    )
)
_PAGE, _RUN_REST, _ENGINE = "keepgatePage", "keepgateRest", "keepgateEngine"
_RUN = f'{_PAGE}("site.js", ((globalThis.keepgate ??= {{}}).made = {{}}));\n'
_WORKER = f"""keepgate.worker = {{
  source: `(${{{_ENGINE}}})("engine/worker.js").answerOn(self);`,
  answerOn: (port) => {_ENGINE}("engine/worker.js").answerOn(port),
}};
"""


def write_site(folder: Path) -> int:
    """Writes the page with the shipped networks; returns its size in bytes.

    Raises BundleError as `export.folder.write` does, also for a folder that holds anything else.
    """
    contents = {name: text.encode() for name, text in files().items()}
    there = [name for name in contents if (folder / name).exists()]
    if there and not (folder / MANIFEST).exists():
        raise BundleError(f"{folder} holds a {there[0]} that keepgate did not write; name another folder")
    write(folder, contents, kind="page")
    return sum(map(len, contents.values()))


def files() -> dict[str, str]:
    """The text of each file of the folder, by name."""
    models = list(served())
    networks = {
        f"networks.{language}.js": _data(
            language,
            [{**network(model), "model": model.id} for model in models if model.language == language],
        )
        for language in pretrained.LANGUAGES
    }
    page_files = {
        "index.html": _index(models),
        "sheet.html": _in_folder(_static("sheet.html")),
        "sheet.css": trimmed_css(_static("sheet.css")),
        "page.css": trimmed_css("".join(map(_static, _STYLES))),
        "page.js": bundle(_FIRST, _static, function=_PAGE) + _RUN,
        "rest.js": _rest(),
        "engine.js": engine(models) + _WORKER,
        **networks,
    }
    return {**page_files, _OFFLINE: _offline(page_files)}


def _offline(shown: Mapping[str, str]) -> str:
    """The service worker that keeps these files, under a name that changes with what is in them."""
    version = hashlib.sha256("".join(shown.values()).encode()).hexdigest()[:16]
    constants = f"const FILES = {_json([*shown])};\nconst VERSION = {_json(version)};\n"
    return constants + Path(__file__).with_name(_OFFLINE).read_text("utf-8")


def _rest() -> str:
    code = bundle(_REST, _static, function=_RUN_REST, without=module_names(_FIRST, _static))
    run = f'keepgate.rest.run = (made) => {_RUN_REST}("rest.js", made);\n'
    return _data("rest", {"words": _words(later=True)}) + code + run


def engine(models: Iterable[Model]) -> str:
    """The modules of the worker, with the cells of some models, as a function `keepgateEngine` of an entry's name."""
    cells = js.module([by_name(name) for name in dict.fromkeys(model.layer.cell.name for model in models)])
    printed = {_CELLS: cells, _CONSTANTS: _constants()}
    return bundle(("engine/worker.js",), lambda name: printed.get(name) or _static(name), function=_ENGINE)


def _static(name: str) -> str:
    return (STATIC / name).read_text("utf-8")


def _constants() -> str:
    """An ES module that exports the constants which the networks in the browser share with Python's."""
    values = {
        "ALWAYS_FILLABLE": ALWAYS_FILLABLE,
        "BLOCK": BLOCK,
        "DISTRACTOR_SEED": lengthen.SEED,
        "FLAT": gradients.FLAT,
        "GROWN": gradients.GROWN,
        "MAX_TOKENS": Limits().tokens,
        "MULTIPLY": matrix_product(),
    }
    for module, names in (
        (answer, ("CANDIDATES",)),
        (leave_one_out, ("MAX_ABLATIONS",)),
        (serialize, ("ABLATION_BUDGET", "MAX_ERASERS", "MAX_LISTED", "MAX_UNITS", "MIN_ABLATIONS")),
        (
            span_search,
            ("MAX_SENTENCE_TOKENS", "MOST_INFLUENTIAL", "NUM_STRETCHES", "STRETCHES_FOLLOWED"),
        ),
        (thresholds, ("EXPLODED", "NEGLIGIBLE_DROP", "RUNNER_UP", "SEVERAL", "TIMES_CHANCE", "VANISHED")),
    ):
        values |= {name: getattr(module, name) for name in names}
    return "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in values.items())


def _data(name: str, content: object) -> str:
    """A script that makes some data known to the page."""
    return f"(globalThis.keepgate ??= {{}})[{json.dumps(name)}] = {_json(content)};\n"


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def language_data() -> dict[str, Any]:
    """What the engine needs of texts: the classes of characters, and the sentences of the stories."""
    return {
        "characters": {"alone": ALONE, "marks": MARKS, "sentence_end": SENTENCE_END.pattern},
        "templates": {language: asdict(templates) for language, templates in STORY_TEMPLATES.items()},
    }


def _basics(models: list[Model]) -> dict[str, Any]:
    return {
        **language_data(),
        "words": _words(later=False),
        "models": [model.as_dict() for model in models],
        "beforehand": {language: _beforehand(models, language) for language in pretrained.LANGUAGES},
    }


def _words(*, later: bool) -> dict[str, dict[str, str]]:
    """In each language, the words of the first picture or those of the rest."""
    return {
        path.name.split(".")[1]: {
            key: text
            for key, text in json.loads(path.read_text("utf-8")).items()
            if (key.split(".")[0] in LATER_WORDS) == later
        }
        for path in STATIC.glob("words.*.json")
    }


def _beforehand(models: list[Model], language: Language) -> dict[str, Any]:
    """The first example with its readings, in so few digits as the first picture needs.

    It is shown, of each network its last layer, until the networks have come, which then read it again.
    """
    example = pirate_king_story(FIRST_LENGTH[language], language=language)
    question = Question(
        text=example.text, question=typed_question(example.question, language), answers=example.answers
    )
    readings: list[dict[str, Any]] = [
        {
            "model": model.id,
            **serialize.reading_json(model.task, read_normalised(model, question)),
            "error": None,
        }
        for model in models
        if model.language == language and model.form
    ]
    first = {"text": question.text, "question": question.question, "expected": example.answers[0]}
    short = [
        {**_rounded(reading, DECIMALS), "strips": _rounded(reading["strips"][-1:], GATE_DECIMALS)}
        for reading in readings
    ]
    return {**first, "readings": short}


def _rounded(value: Any, decimals: int) -> Any:
    """JSON with its fractions to so many decimals."""
    if isinstance(value, float):
        return round(value, decimals)
    if isinstance(value, dict):
        return {key: _rounded(each, decimals) for key, each in value.items()}
    return [_rounded(each, decimals) for each in value] if isinstance(value, list) else value


def network(model: Model) -> dict[str, Any]:
    """A reader with its weights, in a byte a number where that loses nothing, else, of a choice reader, in three."""
    task: Any = model.task
    network = {
        "model": {**model.as_dict(), "language": model.story_language},
        "settings": asdict(task.settings),
    }
    tensors = {name: weight.detach().numpy() for name, weight in task.named_parameters()}
    if isinstance(task, PointerReader):
        return {**network, "tokens": task.words.to_json(), "weights": packed(tensors)}
    pack = packed if fit_bytes(tensors) else shortened
    return {
        **network,
        "tokens": task.vocabulary.to_json(),
        "choices": list(task.choices),
        "weights": pack(tensors),
    }


def _index(models: list[Model]) -> str:
    """The page itself, with one style sheet and one classic script, and the data of the first picture.

    The data come while the script is still awaited, and as no script of the page's own need no policy's leave.
    """
    text = _static("index.html")
    for name in _STYLES[1:]:
        text = text.replace(_stylesheet(name), "")
    text = _in_folder(text).replace('<script type="module" src="main.js">', '<script defer src="page.js">')
    data = _json(_basics(models)).replace("<", r"\u003c")
    return text.replace("</body>", f'<script type="application/json" id="basics">{data}</script>\n</body>')


def _in_folder(text: str) -> str:
    """A page's HTML, unindented, with the folder's one style sheet, and the icon in the page."""
    icon = "data:image/svg+xml," + quote(_static("icon.svg").strip())
    text = text.replace(_stylesheet(_STYLES[0]), _stylesheet("page.css"))
    return unindented(text.replace('href="icon.svg"', f'href="{icon}"'))


def _stylesheet(name: str) -> str:
    return f'<link rel="stylesheet" href="{name}">\n'
