"""The prediction without some steps: the model called without them, or its recurrent layers passing them by."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...errors import SettingsError
from ..capture.hooks import attach
from ..interventions.patching import patched
from ..interventions.removal import remove_spans
from .row import ModelRow

# Numbers that the recurrent layers compute at once, of all candidates: 64 MiB of float32.
AT_ONCE = 16_777_216


def width(row: ModelRow) -> int:
    """Numbers that the model's recurrent layers compute at a step, about."""
    layers = [part for part in row.model.modules() if isinstance(part, nn.RNNBase)]
    return sum(4 * layer.hidden_size * layer.num_layers * (1 + layer.bidirectional) for layer in layers) or 64


@torch.no_grad()
def predictions_without(
    row: ModelRow, spans: Sequence[tuple[int, int]], at: int
) -> Float[Tensor, "candidates ..."]:
    """The prediction for the row without the steps from one up to another; one candidate a span.

    The model is called without them. Where it does not take fewer steps, and for the very step whose answer counts,
    every recurrent layer of as many steps passes them by instead (`remove_spans`).
    at: the step whose answer counts, where each has one.
    Raises SettingsError for a model that takes no fewer steps and has no such layer.
    """
    predictions: dict[int, Tensor] = {}
    size = max(1, AT_ONCE // (row.steps * width(row)))
    short = [
        k for k, (start, end) in enumerate(spans)
        if row.shortens and end - start < row.steps and not (row.each_step and start <= at < end)
    ]  # fmt: skip
    for numbers in _batches(short, spans, size):
        remaining_steps = torch.stack([_kept(row.steps, *spans[k]) for k in numbers])
        places = torch.tensor([at - (spans[k][1] - spans[k][0]) * (spans[k][1] <= at) for k in numbers])
        predictions |= dict(zip(numbers, row.predict(remaining_steps, places), strict=True))
    passed_by = sorted(set(range(len(spans))) - set(short))
    for start in range(0, len(passed_by), size):
        numbers = passed_by[start : start + size]
        predictions |= dict(zip(numbers, _passing_by(row, [spans[k] for k in numbers], at), strict=True))
    return torch.stack([predictions[k] for k in range(len(spans))])


def _batches(chosen: Sequence[int], spans: Sequence[tuple[int, int]], size: int) -> list[list[int]]:
    """Spans of equal length together, at most so many at once."""
    by_length: dict[int, list[int]] = {}
    for k in chosen:
        by_length.setdefault(spans[k][1] - spans[k][0], []).append(k)
    return [each[start : start + size] for each in by_length.values() for start in range(0, len(each), size)]


def _kept(steps: int, start: int, end: int) -> Tensor:
    return torch.cat([torch.arange(start), torch.arange(end, steps)])


def _passing_by(row: ModelRow, spans: Sequence[tuple[int, int]], at: int) -> Tensor:
    """Layer after layer, in the order in which they run: each is seen as those below now let it run."""
    # A model that squeezes a batch of one has lost its rows.
    pieces = list(spans) * (2 if len(spans) == 1 else 1)
    whole, place = torch.arange(row.steps).expand(len(pieces), -1), torch.tensor(at)
    layers = layers_in_order(row)
    with ExitStack() as stack:
        for name, layer in layers.items():
            with attach(row.model) as runs:
                row.predict(whole, place)
            stack.enter_context(patched(layer, remove_spans(runs[name], pieces, range(len(pieces)))))
        result = row.predict(whole, place)
    if not layers:
        raise SettingsError(
            f"{type(row.model).__name__} takes no fewer steps than the {row.steps} of the row, and has no recurrent "
            "layer that reads as many, so that no step can be left out"
        )
    return result[: len(spans)]


@torch.no_grad()
def layers_in_order(row: ModelRow) -> dict[str, Any]:
    """The recurrent layers that read as many steps as the row has, by name, in the order in which they run."""
    order: list[nn.Module] = []
    layers = {name: part for name, part in row.model.named_modules() if isinstance(part, nn.RNNBase)}
    if not layers:
        return {}
    hooks = [part.register_forward_hook(lambda part, *_: order.append(part)) for part in layers.values()]
    try:
        with attach(row.model) as runs:
            row.predict(torch.arange(row.steps).expand(2, -1))
    finally:
        for hook in hooks:
            hook.remove()
    named = {runs.module(name): name for name in runs if len(runs[name].x) == row.steps}
    return {named[part]: part for part in dict.fromkeys(order) if part in named}
