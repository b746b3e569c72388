"""The network of a task model as one function of tensors, and an example of what it reads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import SettingsError
from ..export import load
from ..nn.freezing import check_module
from ..tasks import KINDS, Forecaster, MultilabelClassifier, PointerReader, SeriesClassifier, Tagger
from .pointer_network import PointerFunction
from .task_networks import ForecastNetwork, SeriesNetwork, TaggerNetwork

# Tokens of two made-up texts and questions, all different: a size that two dimensions share looks like one.
_TEXTS, _QUESTIONS = (11, 7), (5, 3)
# Tasks that read or give more than their network does.
_NETWORKS: dict[type, Any] = {
    SeriesClassifier: SeriesNetwork,
    Tagger: TaggerNetwork,
    Forecaster: ForecastNetwork,
    PointerReader: PointerFunction,
}


def network_of(module: nn.Module | str | Path, example: Any) -> tuple[nn.Module, Any]:
    """The torch module to export, and the example for it.

    Raises SettingsError where a model needs an example and has none.
    """
    task: Any = load(module) if isinstance(module, (str, Path)) else module
    check_module(task)
    _check_parameters(task)
    if getattr(type(task), "kind", None) not in KINDS:
        if example is None:
            raise SettingsError(
                f"a {type(task).__name__} needs an example: a tensor, a tuple of arguments or a dict of keywords"
            )
        return task, example
    network = next((wrap(task) for kind, wrap in _NETWORKS.items() if isinstance(task, kind)), None)
    if network is not None:
        if example is None:
            example = network.example(*([] if task.vocabulary is None else [_made_up(task, _TEXTS)]))
        return network, example
    if isinstance(task, MultilabelClassifier):
        task = task.with_thresholds_at_zero()
    batch = _batch(task) if example is None else example
    if hasattr(task, "network"):
        return task.network, (batch.text, batch.question)
    return task, (batch,)


def _check_parameters(model: nn.Module) -> None:
    """Raises SettingsError for weights that ONNX Runtime could not be compared on."""
    for name, parameter in model.named_parameters():
        if parameter.device.type != "cpu" or parameter.dtype in (torch.float16, torch.bfloat16):
            raise SettingsError(
                f"{name} is {parameter.dtype} on {parameter.device}, and an export is checked against the model on "
                "the CPU in float32 or float64; export model.float().cpu()"
            )
        if parameter.isnan().any():
            raise SettingsError(
                f"{name} has NaN among its numbers, so that the model's answers are NaN too, and no check could tell "
                "the file's from them; train it again with a smaller learning rate, or take an earlier checkpoint"
            )


def _batch(task: Any) -> Any:
    """Two texts of the task's own tokens, with two questions where it is asked some."""
    questions = _made_up(task, _QUESTIONS, 1) if KINDS[task.kind].asks else [None] * len(_TEXTS)
    items = [
        task.item(text, question) for text, question in zip(_made_up(task, _TEXTS), questions, strict=True)
    ]
    return task.collate(task.prepare(items, training=False))


def _made_up(task: Any, lengths: Sequence[int], start: int = 0) -> list[str]:
    """Texts of so many of the task's own tokens."""
    tokens = [token for token in task.vocabulary.to_json() if token.isalnum()] or ["a", "b"]
    return [" ".join(tokens[(start + place) % len(tokens)] for place in range(count)) for count in lengths]
