"""An explanation's numbers as files: JSON, NumPy, Arrow, and its page."""

import io
import json
import math
from collections.abc import Callable
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy
from torch import Tensor

from ...errors import SettingsError
from ...export.file import write_file
from ..attribution.explanation import ModelExplanation
from ..memory.retention import WriteRetention
from ..readers.explanation import Explanation
from ..readers.leave_one_out import TokenEffect
from ..readers.span_search import SpanEffect


def save(explanation: Explanation, path: str | Path, html: Callable[[], str]) -> Path:
    """The path, in the form that its ending names. Raises SettingsError for another one, OSError as writing does."""
    path = Path(path)
    forms: dict[str, Callable[[], bytes]] = {
        ".html": lambda: html().encode(),
        ".json": lambda: as_json(explanation).encode() + b"\n",
        ".npz": lambda: _npz(explanation),
        ".arrow": lambda: _arrow(explanation),
    }
    ending = path.suffix.lower()
    if ending not in forms:
        raise SettingsError(
            f"{path.name!r} ends in {ending or 'nothing'}; an explanation is saved as {', '.join(forms)} "
            "(a picture of it: explanation.figure(name).save(…))"
        )
    return write_file(path, forms[ending]())


def as_json(explanation: Explanation) -> str:
    """All its numbers as one JSON object; what is no finite number is null."""
    return json.dumps(_values(explanation), ensure_ascii=False, allow_nan=False)


def json_values(value: Any) -> Any:
    """Values as JSON has them: tensors as lists, dataclasses by their fields, what is no finite number as null."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {key: json_values(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(entry) for entry in value]
    if isinstance(value, str):
        # A lone surrogate is no letter that a file in UTF-8 could hold.
        return value.encode("utf-8", "replace").decode("utf-8")
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _values(explanation: Explanation) -> Any:
    return json_values(
        {
            **_answer(explanation),
            **_of_model(explanation),
            "model": {
                "cell": explanation.cell,
                "units": explanation.units,
                "layers": explanation.layers,
                "directions": len(explanation.direction_summaries),
            },
            "tokens": explanation.tokens.texts,
            "starts": explanation.tokens.starts,
            "question_start": explanation.question_start,
            "saliency": explanation.saliency,
            "attention": explanation.attention,
            "directions": [
                {
                    "direction": "reverse" if summary.reverse else "forward",
                    "keeps": summary.keeps,
                    "gates": summary.gates,
                    "half_lives": summary.half_lives,
                    "retention": _retention(summary.retention),
                }
                for summary in explanation.direction_summaries
            ],
            "sentence_effects": [
                {"start": effect.start, "end": effect.end, **_effect(effect)}
                for effect in explanation.sentence_effects
            ],
            "token_effects": [
                {"step": effect.step, "token": effect.token, **_effect(effect)}
                for effect in explanation.token_effects
            ],
        }
    )


def _answer(explanation: Explanation) -> dict[str, Any]:
    answer = explanation.answer.as_dict()
    return {"question": explanation.question.question, "answer": answer.pop("text"), **answer}


def _of_model(explanation: Explanation) -> dict[str, Any]:
    """What only a model of the user's own has."""
    if not isinstance(explanation, ModelExplanation):
        return {}
    names = ("number", "offset", "left_out", "shares", "look_back")
    return {name: getattr(explanation, name) for name in names}


def _retention(retention: WriteRetention | None) -> dict[str, Any] | None:
    if retention is None:
        return None
    names = ("step", "at_end", "retained", "forgotten")
    return {name: getattr(retention, name) for name in names}


def _effect(effect: TokenEffect | SpanEffect) -> dict[str, Any]:
    return {
        "probability_drop": effect.probability_drop,
        "without": effect.without.text,
        "without_probability": effect.without.probability,
    } | ({} if effect.change is None else {"change": effect.change})


def columns(explanation: Explanation) -> dict[str, Any]:
    """Each token's numbers as columns, by name; a reverse direction's names end in `_reverse`.

    probability_drop: the share by which the answer's probability falls without the token's write; NaN where it was
                      not left out. change: likewise, by how much a number changes.
    shares_NAME: of the answer's score by feature, for a model of the user's own.
    """
    drop = numpy.full(len(explanation.tokens), math.nan)
    for effect in explanation.token_effects:
        drop[effect.step] = effect.probability_drop
    table: dict[str, Any] = {
        "token": json_values(explanation.tokens.texts),
        "start": numpy.array(explanation.tokens.starts),
        "asked": numpy.arange(len(explanation.tokens)) >= explanation.question_start,
        "probability_drop": drop,
        "saliency": explanation.saliency.numpy(),
    }
    if explanation.is_number:
        table["change"] = drop.copy()
        for effect in explanation.token_effects:
            table["change"][effect.step] = effect.change
    if isinstance(explanation, ModelExplanation) and explanation.shares is not None:
        for name, values in zip(explanation.shares.features, explanation.step_shares.T, strict=True):
            table[f"shares_{name}"] = values.numpy()
    if explanation.attention is not None:
        table["attention"] = explanation.attention.numpy()
    for summary in explanation.direction_summaries:
        suffix = "_reverse" if summary.reverse else ""
        table |= {f"{name}{suffix}": values.numpy() for name, values in summary.gates.items()}
        if summary.retention is not None:
            table[f"retained{suffix}"] = summary.retention.retained.numpy()
            table[f"forgotten{suffix}"] = summary.retention.forgotten.numpy()
    return table


def _npz(explanation: Explanation) -> bytes:
    arrays = {name: numpy.asarray(values) for name, values in columns(explanation).items()}
    for summary in explanation.direction_summaries:
        arrays[f"half_lives{'_reverse' if summary.reverse else ''}"] = summary.half_lives.numpy()
    file = io.BytesIO()
    numpy.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _arrow(explanation: Explanation) -> bytes:
    try:
        arrow = import_module("pyarrow")
    except ImportError as fault:
        raise SettingsError(
            "Arrow files need pyarrow: pip install 'keepgate[arrow]'; .json and .npz need nothing"
        ) from fault
    answer = json.dumps(json_values(_answer(explanation)), ensure_ascii=False)
    table = arrow.table(columns(explanation), metadata={"keepgate": answer})
    sink = io.BytesIO()
    with arrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
