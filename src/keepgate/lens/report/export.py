"""A look's numbers as files: JSON, NumPy, Arrow, and its page."""

import io
import json
import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy

from ...errors import SettingsError
from ...export.file import write_file
from ..readers.explanation import Explanation as Look
from .html import page
from .language import Language


def save(look: Look, path: str | Path, language: Language | None) -> Path:
    """The path, in the form that its ending names. Raises SettingsError for another one, OSError as writing does."""
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _FORMS:
        raise SettingsError(
            f"{path.name!r} ends in {ending or 'nothing'}; a look is saved as {', '.join(_FORMS)} "
            "(a picture of it: look.figure(name).save(…))"
        )
    return write_file(path, _FORMS[ending](look, language))


def as_json(look: Look) -> str:
    """All its numbers as one JSON object; what is no finite number is null."""
    return json.dumps(_plain(plain(look)), ensure_ascii=False, allow_nan=False)


def plain(look: Look) -> dict[str, Any]:
    """A look as plain values."""
    answer = look.answer.as_dict()
    return {
        "question": look.question.question,
        "answer": answer.pop("text"),
        **answer,
        "model": {
            "cell": look.cell,
            "units": look.units,
            "layers": look.layers,
            "directions": len(look.passes),
        },
        "tokens": list(look.tokens.texts),
        "starts": list(look.tokens.starts),
        "asked_from": look.asked_from,
        "sensitivity": look.sensitivity.tolist(),
        "attention": None if look.attention is None else look.attention.tolist(),
        "directions": [
            {
                "direction": "reverse" if one.reverse else "forward",
                "keeps": one.keeps,
                "gates": {name: values.tolist() for name, values in one.gates.items()},
                "half_lives": one.half_lives.tolist(),
                "fate": None
                if one.fate is None
                else {
                    "step": one.fate.step,
                    "at_end": one.fate.at_end,
                    "left": one.fate.left.tolist(),
                    "erased": one.fate.erased.tolist(),
                },
            }
            for one in look.passes
        ],
        "sentences": [
            {"start": one.start, "end": one.end, "share": one.share, **_without(one)}
            for one in look.sentences
        ],
        "carriers": [
            {"step": one.step, "token": one.token, "share": one.share, **_without(one)}
            for one in look.carriers
        ],
    }


def columns(look: Look) -> dict[str, Any]:
    """What a look says of each token, by name; a reverse direction's names end in `_reverse`.

    share: by how much the answer's probability falls without the token's write; NaN where it was not left out.
    """
    share = numpy.full(len(look.tokens), math.nan)
    for one in look.carriers:
        share[one.step] = one.share
    found: dict[str, Any] = {
        "token": list(look.tokens.texts),
        "start": numpy.array(look.tokens.starts),
        "asked": numpy.arange(len(look.tokens)) >= look.asked_from,
        "share": share,
        "sensitivity": look.sensitivity.numpy(),
    }
    if look.attention is not None:
        found["attention"] = look.attention.numpy()
    for way in look.passes:
        end = "_reverse" if way.reverse else ""
        found |= {f"{name}{end}": values.numpy() for name, values in way.gates.items()}
        if way.fate is not None:
            found |= {f"left{end}": way.fate.left.numpy(), f"erased{end}": way.fate.erased.numpy()}
    return found


def _without(one: Any) -> dict[str, Any]:
    return {"without": one.without.text, "without_probability": one.without.probability}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        # A lone surrogate is no letter that a file in UTF-8 could hold.
        return value.encode("utf-8", "replace").decode("utf-8")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _html(look: Look, language: Language | None) -> bytes:
    return page(look, language).encode()


def _json(look: Look, _: Language | None) -> bytes:
    return as_json(look).encode() + b"\n"


def _npz(look: Look, _: Language | None) -> bytes:
    file = io.BytesIO()
    arrays = {name: numpy.asarray(values) for name, values in columns(look).items()}
    arrays |= {
        f"half_lives{'_reverse' if one.reverse else ''}": one.half_lives.numpy() for one in look.passes
    }
    numpy.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _arrow(look: Look, _: Language | None) -> bytes:
    try:
        arrow = import_module("pyarrow")
    except ImportError as fault:
        raise SettingsError(
            "Arrow files need pyarrow: pip install 'keepgate[arrow]'; .json and .npz need nothing"
        ) from fault
    table = arrow.table(_plain_tokens(columns(look)), metadata={"keepgate": as_json_of_answer(look)})
    sink = io.BytesIO()
    with arrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def as_json_of_answer(look: Look) -> str:
    """The question and its answer as one JSON object: what stands beside the columns of an Arrow file."""
    answer = look.answer.as_dict()
    return json.dumps(
        _plain({"question": look.question.question, "answer": answer.pop("text"), **answer}),
        ensure_ascii=False,
    )


def _plain_tokens(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"token": _plain(found["token"])}


_FORMS: dict[str, Callable[[Look, Language | None], bytes]] = {
    ".html": _html,
    ".json": _json,
    ".npz": _npz,
    ".arrow": _arrow,
}
