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
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as tensors_to
from torch import Tensor

from .. import tasks
from ..errors import BundleError
from ..nn.init import SkipInit
from ..nn.narrowing import narrow_like
from ..tasks.task import Module, Task
from . import folder as folders
from .content import FORMAT, LIMITS, REMEDY, read_content, refuse_misfits, refuse_not_finite, settings_table
from .parsing import TensorForm


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
    content = read_content(Path(folder), tasks.KINDS)
    task_type = tasks.KINDS[content.kind].task
    # Built once without memory: settings that ask for more than the weights are is refused before it is taken.
    with torch.device("meta"), SkipInit():
        empty = content.build(task_type.settings_type, task_type.from_files)
        narrow_like(empty, content.header)
    refuse_misfits(_forms(empty.state_dict()), content.header, content.weights_path, REMEDY)
    weights = parse_tensors(content.weights_path, content.read_weights(), REMEDY)
    with torch.random.fork_rng(devices=[]):
        task: Task = content.build(task_type.settings_type, task_type.from_files)
    narrow_like(task, content.header)
    put_weights(task, weights, content.weights_path, REMEDY)
    return task.eval()


def tensors_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """The tensors in safetensors' form. Tensors that share memory are written once each."""
    return tensors_to(
        {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    )


def put_weights(task: Module, weights: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Loads the weights into the task. Raises BundleError for a name, shape or dtype that does not fit, and for NaN."""
    refuse_misfits(_forms(task.state_dict()), _forms(weights), path, remedy)
    for name, tensor in weights.items():
        refuse_not_finite(path, name, bool(torch.isfinite(tensor).all()), remedy)
    task.load_state_dict(weights)


def parse_tensors(path: Path, content: bytes, remedy: str) -> dict[str, Tensor]:
    """The tensors in `content`, which was read from `path`. Raises BundleError if they cannot be read."""
    try:
        return load_tensors(content)
    except (SafetensorError, ValueError, KeyError) as fault:
        raise BundleError(f"{path} cannot be read as tensors: {fault}; {remedy}") from fault


def _forms(tensors: Mapping[str, Tensor]) -> dict[str, TensorForm]:
    return {
        name: TensorForm(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in tensors.items()
    }


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
