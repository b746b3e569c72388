"""An explanation's numbers as files: JSON, NumPy, Arrow, and its page."""

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
from ..readers.explanation import Explanation
from .html import page
from .language import Language


def save(explanation: Explanation, path: str | Path, language: Language | None) -> Path:
    """The path, in the form that its ending names. Raises SettingsError for another one, OSError as writing does."""
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _FORMS:
        raise SettingsError(
            f"{path.name!r} ends in {ending or 'nothing'}; an explanation is saved as {', '.join(_FORMS)} "
            "(a picture of it: explanation.figure(name).save(…))"
        )
    return write_file(path, _FORMS[ending](explanation, language))


def as_json(explanation: Explanation) -> str:
    """All its numbers as one JSON object; what is no finite number is null."""
    return json.dumps(_plain(plain(explanation)), ensure_ascii=False, allow_nan=False)


def plain(explanation: Explanation) -> dict[str, Any]:
    """An explanation as plain values."""
    answer = explanation.answer.as_dict()
    return {
        "question": explanation.question.question,
        "answer": answer.pop("text"),
        **answer,
        "model": {
            "cell": explanation.cell,
            "units": explanation.units,
            "layers": explanation.layers,
            "directions": len(explanation.direction_summaries),
        },
        "tokens": list(explanation.tokens.texts),
        "starts": list(explanation.tokens.starts),
        "question_start": explanation.question_start,
        "saliency": explanation.saliency.tolist(),
        "attention": None if explanation.attention is None else explanation.attention.tolist(),
        "directions": [
            {
                "direction": "reverse" if one.reverse else "forward",
                "keeps": one.keeps,
                "gates": {name: values.tolist() for name, values in one.gates.items()},
                "half_lives": one.half_lives.tolist(),
                "retention": None
                if one.retention is None
                else {
                    "step": one.retention.step,
                    "at_end": one.retention.at_end,
                    "retained": one.retention.retained.tolist(),
                    "forgotten": one.retention.forgotten.tolist(),
                },
            }
            for one in explanation.direction_summaries
        ],
        "sentence_effects": [
            {"start": one.start, "end": one.end, "probability_drop": one.probability_drop, **_without(one)}
            for one in explanation.sentence_effects
        ],
        "token_effects": [
            {"step": one.step, "token": one.token, "probability_drop": one.probability_drop, **_without(one)}
            for one in explanation.token_effects
        ],
    }


def columns(explanation: Explanation) -> dict[str, Any]:
    """What an explanation says of each token, by name; a reverse direction's names end in `_reverse`.

    probability_drop: the share by which the answer's probability falls without the token's write; NaN where it was
                      not left out.
    """
    drop = numpy.full(len(explanation.tokens), math.nan)
    for one in explanation.token_effects:
        drop[one.step] = one.probability_drop
    found: dict[str, Any] = {
        "token": list(explanation.tokens.texts),
        "start": numpy.array(explanation.tokens.starts),
        "asked": numpy.arange(len(explanation.tokens)) >= explanation.question_start,
        "probability_drop": drop,
        "saliency": explanation.saliency.numpy(),
    }
    if explanation.attention is not None:
        found["attention"] = explanation.attention.numpy()
    for way in explanation.direction_summaries:
        end = "_reverse" if way.reverse else ""
        found |= {f"{name}{end}": values.numpy() for name, values in way.gates.items()}
        if way.retention is not None:
            found |= {
                f"retained{end}": way.retention.retained.numpy(),
                f"forgotten{end}": way.retention.forgotten.numpy(),
            }
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


def _html(explanation: Explanation, language: Language | None) -> bytes:
    return page(explanation, language).encode()


def _json(explanation: Explanation, _: Language | None) -> bytes:
    return as_json(explanation).encode() + b"\n"


def _npz(explanation: Explanation, _: Language | None) -> bytes:
    file = io.BytesIO()
    arrays = {name: numpy.asarray(values) for name, values in columns(explanation).items()}
    arrays |= {
        f"half_lives{'_reverse' if one.reverse else ''}": one.half_lives.numpy()
        for one in explanation.direction_summaries
    }
    numpy.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _arrow(explanation: Explanation, _: Language | None) -> bytes:
    try:
        arrow = import_module("pyarrow")
    except ImportError as fault:
        raise SettingsError(
            "Arrow files need pyarrow: pip install 'keepgate[arrow]'; .json and .npz need nothing"
        ) from fault
    table = arrow.table(
        _plain_tokens(columns(explanation)), metadata={"keepgate": as_json_of_answer(explanation)}
    )
    sink = io.BytesIO()
    with arrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def as_json_of_answer(explanation: Explanation) -> str:
    """The question and its answer as one JSON object: what stands beside the columns of an Arrow file."""
    answer = explanation.answer.as_dict()
    return json.dumps(
        _plain({"question": explanation.question.question, "answer": answer.pop("text"), **answer}),
        ensure_ascii=False,
    )


def _plain_tokens(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"token": _plain(found["token"])}


_FORMS: dict[str, Callable[[Explanation, Language | None], bytes]] = {
    ".html": _html,
    ".json": _json,
    ".npz": _npz,
    ".arrow": _arrow,
}
