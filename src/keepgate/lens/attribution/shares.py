"""Shares of an answer by step and feature: integrated gradients on what the model reads, of any model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..compact_repr import compact_repr
from ..readers.integrated_gradients import integrate
from .ablation import layers_in_order, width
from .row import ModelRow
from .target import Target

# Points on the way, tried in turn until all but a thousandth of the difference is accounted for.
POINTS = (8, 32, 128)


@dataclass(frozen=True, kw_only=True, eq=False)
class InputShares:
    """What each step's features add to a score: a label's logit less that of the others, or the number; signed.

    values:   shares. They sum to the score less `baseline`, the score where there is nothing, but for the points.
    features: their names; one, "input", where a step is a token.
    """

    values: Float[Tensor, "steps features"]
    features: tuple[str, ...]
    score: float
    baseline: float

    __repr__ = compact_repr

    @property
    def completeness(self) -> float:
        """How much of the difference the shares sum to: 1 is all of it. NaN where there is none."""
        whole = self.score - self.baseline
        return float(self.values.sum()) / whole if whole else float("nan")


def input_shares(
    row: ModelRow,
    target: Target,
    at: int,
    nothing: Float[Tensor, "*features"] | None,
    names: tuple[str, ...] | None,
) -> InputShares | None:
    """What each step adds: by feature for numbers, and for tokens by what the first recurrent layer is given of them.

    nothing: what stands for nothing in every step, one a feature; None is zero. None for a model without a derivative.
    """
    raw = all(value.is_floating_point() for value in row.over_time)
    with torch.no_grad():
        given, layer = _raw(row) if raw else _embedded(row)
    if given is None:
        return None
    base = torch.zeros_like(given) if nothing is None else nothing.to(given).expand_as(given)

    def scores(moved: Float[Tensor, "steps rows width"]) -> Float[Tensor, " rows"]:
        x = (moved + base).to(given.dtype)
        rows = x.shape[1]
        x = x if rows > 1 else x.expand(-1, 2, -1)
        if raw:
            return target.scores(row.predict_from(_split(row, x), torch.tensor(at)))[:rows].double()
        whole = torch.arange(row.steps).expand(x.shape[1], -1)
        with _given_instead(layer, x):
            return target.scores(row.predict(whole, torch.tensor(at)))[:rows].double()

    # A kernel of cuDNN has no derivative in evaluation mode.
    with torch.backends.cudnn.flags(enabled=False):
        try:
            found, ends = integrate(
                scores, (given - base).double(), lambda slope, x: slope * x[:, 0], POINTS, row.steps * width(row)
            )[:2]  # fmt: skip
        except RuntimeError as fault:
            if "does not require grad" in str(fault):
                return None
            raise
    values = found if raw else found.sum(1, keepdim=True)
    features = names or tuple(f"x{k}" for k in range(values.shape[1]))
    return InputShares(
        values=values, features=features if raw else ("input",), score=ends[0], baseline=ends[1]
    )  # fmt: skip


def _raw(row: ModelRow) -> tuple[Tensor, None]:
    return torch.cat([value.reshape(row.steps, 1, -1) for value in row.over_time], 2), None


def _split(row: ModelRow, x: Float[Tensor, "steps rows width"]) -> list[Tensor]:
    parts = x.transpose(0, 1).split([value[0].numel() for value in row.over_time], 2)
    return [part.reshape(x.shape[1], *value.shape) for part, value in zip(parts, row.over_time, strict=True)]


def _embedded(row: ModelRow) -> tuple[Tensor | None, Any]:
    """What the first recurrent layer reads of the row, [steps, 1, width], and that layer."""
    layers = layers_in_order(row)
    if not layers:
        return None, None
    layer = next(iter(layers.values()))
    read: list[Tensor] = []

    def see(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        x = args[0] if args else kwargs["input"]
        if isinstance(x, PackedSequence):  # rows of equal length
            read.append(x.data.reshape(row.steps, -1, x.data.shape[-1]))
        else:
            read.append(x.transpose(0, 1) if module.batch_first else x)

    hook = layer.register_forward_pre_hook(see, with_kwargs=True)
    try:
        row.predict(torch.arange(row.steps).expand(2, -1))
    finally:
        hook.remove()
    return read[0][:, :1], layer


@contextmanager
def _given_instead(layer: nn.Module, x: Float[Tensor, "steps rows width"]) -> Iterator[None]:
    """While it lasts, the layer reads this."""

    def instead(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = args[0] if args else kwargs["input"]
        if isinstance(given, PackedSequence):  # rows of equal length
            order = given.sorted_indices
            fresh = given._replace(data=(x if order is None else x[:, order]).reshape(-1, x.shape[2]))
        else:
            fresh = x.transpose(0, 1) if module.batch_first else x
        return ((fresh, *args[1:]), kwargs) if args else ((), kwargs | {"input": fresh})

    hook = layer.register_forward_pre_hook(instead, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
