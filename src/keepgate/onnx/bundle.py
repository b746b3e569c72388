"""The network of a task model as one function of tensors, and an example of what it reads."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ..errors import ExportError, SettingsError
from ..export import load
from ..nn.freezing import check_module
from ..tasks import KINDS, Forecaster, PointerReader, SeriesClassifier, Tagger
from ..tasks.series_classifier.classifier import SeriesBatch

# Tokens of two made-up texts and questions, all different: a size that two dimensions share looks like one.
_TEXTS, _QUESTIONS = (11, 7), (5, 3)


def network_of(module: nn.Module | str | Path, example: Any) -> tuple[nn.Module, Any]:
    """The torch module to export, and the example for it.

    Raises SettingsError where a model needs an example and has none, ExportError for a tagger, a forecaster, a pointer
    reader.
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
    if isinstance(task, Tagger):
        raise ExportError(
            "a tagger chooses its tags by a search over all steps (the CRF's), which is not exported; export the layer "
            "that reads: keepgate.onnx.export(model.encoder.layer, FILE, example)"
        )
    if isinstance(task, PointerReader):
        raise ExportError(
            "a pointer reader compares text and question outside its network, which is not exported; export the layer "
            "that reads: keepgate.onnx.export(model.network.layer, FILE, example)"
        )
    if isinstance(task, Forecaster):
        raise ExportError(
            "a forecaster scales each window by itself, which is not exported; export the layer that reads: "
            "keepgate.onnx.export(model.encoder.layer, FILE, example)"
        )
    if isinstance(task, SeriesClassifier):
        return SeriesNetwork(task), _series(task) if example is None else example
    batch = example if example is not None else _batch(task)
    if hasattr(task, "network"):
        return task.network, (batch.text, batch.question)
    return task, (batch,)


class SeriesNetwork(nn.Module):
    """A classifier of series as a function of values in their own units, which it standardises in float64."""

    def __init__(self, task: SeriesClassifier) -> None:
        super().__init__()
        self.task = task
        self.mean, self.deviation = (
            nn.Buffer(torch.tensor(numbers, dtype=torch.float64), persistent=False)
            for numbers in (task.content.mean, task.content.deviation)
        )

    def forward(
        self, values: Float[Tensor, "time batch features"], lengths: Int64[Tensor, " batch"]
    ) -> Float[Tensor, "batch labels"]:
        """The logits of each label."""
        scaled = (values.double() - self.mean) / self.deviation
        scores: Tensor = self.task(SeriesBatch(scaled.to(self.task.readout.weight.dtype), lengths, None))
        return scores


def _series(task: SeriesClassifier) -> tuple[Tensor, Tensor]:
    """Two series of values about their means, of as many steps as the texts have tokens."""
    noise = torch.randn(
        max(_TEXTS), 2, len(task.content.features), generator=torch.Generator().manual_seed(0)
    )
    mean, deviation = (torch.tensor(numbers) for numbers in (task.content.mean, task.content.deviation))
    return mean + noise * deviation, torch.tensor(_TEXTS)


def _check_parameters(model: nn.Module) -> None:
    """Raises SettingsError for weights that ONNX Runtime could not be compared on."""
    for name, parameter in model.named_parameters():
        if parameter.device.type != "cpu" or parameter.dtype in (torch.float16, torch.bfloat16):
            raise SettingsError(
                f"{name} is {parameter.dtype} on {parameter.device}, and an export is checked against the model on "
                "the CPU in float32 or float64; export model.float().cpu()"
            )


def _batch(task: Any) -> Any:
    """Two texts made of the task's own tokens, with two questions where it is asked some."""
    tokens = [token for token in task.vocabulary.to_json() if token.isalnum()] or ["a", "b"]

    def text(count: int, start: int) -> str:
        return " ".join(tokens[(start + place) % len(tokens)] for place in range(count))

    asks = KINDS[task.kind].asks
    items = [
        task.item(text(length, 0), text(asked, 1) if asks else None)
        for length, asked in zip(_TEXTS, _QUESTIONS, strict=True)
    ]
    return task.collate(task.prepare(items, training=False))
