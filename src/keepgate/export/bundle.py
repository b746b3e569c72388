"""A model as a folder: weights.safetensors, model.toml, vocabulary.json, card.md, a manifest of their sums.

Nothing in it is unpickled and nothing named in it is imported: its kind is looked up in the list of tasks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import tomli_w
import torch
from safetensors.torch import save as tensors_to
from torch import Tensor

from .. import tasks
from ..config import settings_from
from ..errors import BundleError, CellError, KeepgateError, nearest_first
from ..nn.init import SkipInit
from ..tasks.task import Module, Task
from . import folder as folders
from .parsing import check_lists, empty_tensors, parse_json, parse_tensors, parse_toml

FORMAT = 2
WEIGHTS = "weights.safetensors"
# The most bytes of each file but the weights, which may have as many as settings and vocabulary call for.
LIMITS = {"model.toml": 1 << 16, "vocabulary.json": 1 << 25, "card.md": 1 << 20}
# A layer has at least its two weights.
_TENSORS_PER_LAYER = 2

# What content raises that keepgate did not write, though its sums are right.
FOREIGN_CONTENT = (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, ValueError)

_REMEDY = "copy the model again from where it came, or train it again"


def save(task: Task, folder: Path | str, *, card: Mapping[str, Any]) -> None:
    """Writes the task as a model folder, whole or not at all; a model already there is replaced in one step.

    card: what card.md tells a reader, each name a heading ("what", "data", "figures"): text as a paragraph, a
        mapping as a table, a sequence as a list. How to use the model is added.
    Raises BundleError if it cannot be written (full disk, no permission, the folder holds something else).
    """
    path = Path(folder)
    weights = task.state_dict()
    model = {"format": FORMAT, "kind": task.kind, **settings_table(task.settings)}
    files = {
        "weights.safetensors": tensors_bytes(weights),
        "model.toml": tomli_w.dumps(model).encode(),
        "vocabulary.json": json.dumps(task.vocabulary_json(), ensure_ascii=False, allow_nan=False).encode(),
        "card.md": _card(task, path, weights, card).encode(),
    }
    for name, limit in LIMITS.items():
        if len(files[name]) > limit:
            raise BundleError(
                f"{name} would have {len(files[name]):,} bytes, and in a model it may have {limit:,}; "
                "count fewer words or name fewer answers"
            )
    folders.write(path, files, kind="model")


def load(folder: Path | str) -> Task:
    """The task that `save` wrote, in eval mode, on the processor.

    Raises BundleError for anything wrong with the folder (missing, altered, truncated, too large, of an
    unknown kind or a newer format, weights that do not fit); the message says what and what to do.
    """
    path = Path(folder)
    content = folders.read(path, LIMITS, kind="model", remedy=_REMEDY, limits=LIMITS)
    model = parse_toml(path / "model.toml", content["model.toml"], _REMEDY)
    task_type = _task_type(path / "model.toml", model)
    vocabulary = parse_json(path / "vocabulary.json", content["vocabulary.json"], _REMEDY)
    folders.check_size(path, WEIGHTS, kind="model", remedy=_REMEDY)
    header = empty_tensors(path / WEIGHTS, _REMEDY)
    size = sum(tensor.numel() for tensor in header.values())
    check_lists(path / "vocabulary.json", vocabulary, size, _REMEDY)
    _refuse_more_layers(path / "model.toml", model, len(header) // _TENSORS_PER_LAYER)
    # Built once without memory: settings that ask for more than the weights are is refused before it is taken.
    with torch.device("meta"), SkipInit():
        _refuse_misfits(_build(task_type, model, vocabulary, path), header, path, _REMEDY)
    # A header and numbers of at most eight bytes.
    limits = {WEIGHTS: 8 * size + (1 << 23)}
    content = folders.read(path, limits, kind="model", remedy=_REMEDY, limits=limits)
    weights = parse_tensors(path / WEIGHTS, content[WEIGHTS], _REMEDY)
    with torch.random.fork_rng(devices=[]):
        task = _build(task_type, model, vocabulary, path)
    put_weights(task, weights, path, _REMEDY)
    return task.eval()


def settings_table(settings: Any) -> dict[str, Any]:
    """A settings dataclass as the table `settings`, and the names of those that are None as `none`."""
    values = plain(settings)
    return {
        "none": [field.name for field in fields(settings) if field.name not in values],
        "settings": values,
    }


def plain(settings: Any) -> dict[str, Any]:
    """The fields of a settings dataclass that are not None, as values that TOML can hold."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None
    }


def settings_values(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values from which `settings_table` made a table. Raises BundleError if the table has another form."""
    none, values = table.get("none", []), table.get("settings", {})
    if (
        not isinstance(values, dict)
        or not isinstance(none, list)
        or not all(isinstance(name, str) for name in none)
    ):
        raise BundleError("`settings` must be a table and `none` a list of names")
    return {**values, **dict.fromkeys(none)}


def tensors_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """The tensors in safetensors' form. Tensors that share memory are written once each."""
    return tensors_to(
        {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    )


def put_weights(task: Module, weights: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Loads the weights into the task. Raises BundleError for a name, shape or dtype that does not fit, and for NaN."""
    _refuse_misfits(task, weights, path, remedy)
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise BundleError(
                f"{path}: tensor {name} holds NaN or infinity, so that no answer rests on it; {remedy}"
            )
    task.load_state_dict(weights)


def _build(
    task_type: type[Task], model: Mapping[str, Any], vocabulary: Mapping[str, Any], path: Path
) -> Task:
    try:
        return task_type.from_files(
            settings_from(task_type.settings_type, settings_values(model)), vocabulary
        )
    except CellError as fault:
        raise BundleError(f"no model can be built from {path / 'model.toml'}: {fault}") from fault
    except (KeepgateError, *FOREIGN_CONTENT, MemoryError) as fault:
        raise BundleError(
            f"no model can be built from {path / 'model.toml'} and its vocabulary: {fault}; {_REMEDY}"
        ) from fault


def _refuse_more_layers(path: Path, model: Mapping[str, Any], most: int) -> None:
    layers = settings_values(model).get("num_layers")
    if isinstance(layers, int) and layers > most:
        raise BundleError(
            f"{path} asks for {layers:,} layers, and the weights are of {most:,} at most; {_REMEDY}"
        )


def _refuse_misfits(task: Module, weights: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    own = task.state_dict()
    missing, unknown = own.keys() - weights.keys(), weights.keys() - own.keys()
    for names, fault in ((missing, "has no"), (unknown, "has an unknown")):
        if names:
            raise BundleError(f"{path} {fault} tensor {min(names)} ({len(names)} such in all); {remedy}")
    for name, tensor in own.items():
        weight = weights[name]
        if weight.shape != tensor.shape or weight.dtype != tensor.dtype:
            raise BundleError(
                f"{path}: tensor {name} is {_form(weight)}, but these settings make it {_form(tensor)}; {remedy}"
            )


def _form(tensor: Tensor) -> str:
    return f"{list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _task_type(path: Path, model: Mapping[str, Any]) -> type[Task]:
    version, kind = model.get("format"), model.get("kind")
    if version != FORMAT:
        raise BundleError(
            f"{path} has format {version!r}, and this keepgate reads format {FORMAT}; "
            f"{'install a newer keepgate' if isinstance(version, int) and version > FORMAT else _REMEDY}"
        )
    if not isinstance(kind, str) or kind not in tasks.KINDS:
        raise BundleError(
            f"{path} is of kind {kind!r}; this keepgate knows {', '.join(nearest_first(str(kind), tasks.KINDS))}; "
            "install the keepgate that wrote it, or train it again"
        )
    return tasks.KINDS[kind].task


def _card(task: Task, path: Path, weights: Mapping[str, Tensor], card: Mapping[str, Any]) -> str:
    """The text of card.md."""
    size = sum(tensor.numel() for tensor in weights.values())
    settings = {field.name: getattr(task.settings, field.name) for field in fields(task.settings)}
    parts = [f"# {path.name}", f"A keepgate {task.kind} with {size:,} weights."]
    for heading, content in card.items():
        parts += [f"## {heading[:1].upper()}{heading[1:]}", _paragraph(content)]
    parts += [
        "## Settings",
        _paragraph(settings),
        "## How to use it",
        f"```\n{tasks.KINDS[task.kind].usage(path.name)}\n```",
        f"```\nfrom keepgate.export import load\n\nmodel = load({path.name!r})\n```",
        "manifest.json holds the SHA-256 of each file; a folder in which one has changed is refused.",
    ]
    return "\n\n".join(parts) + "\n"


def _paragraph(content: Any) -> str:
    if isinstance(content, Mapping):
        rows = (f"| {_cell(name)} | {_cell(value)} |" for name, value in content.items())
        return "\n".join(["| | |", "|---|---|", *rows])
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "\n".join(f"- {item}" for item in content)
    return str(content)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
