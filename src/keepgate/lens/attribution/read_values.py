"""ReadValues: what a model reads at each step of a row, as numbers, and its prediction where they are others."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .ablation import AT_ONCE, layers_in_order, width
from .row import ModelRow


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadValues:
    """The numbers of a row's steps: the inputs themselves, or of ids what the first recurrent layer is given of them.

    values: of the row. nothing: what stands for nothing at each step, likewise. at: the step whose answer counts.
    layer:  the first recurrent layer; None where the values are the inputs.
    """

    row: ModelRow
    at: int
    values: Float[Tensor, "steps 1 width"]
    nothing: Float[Tensor, "steps 1 width"]
    layer: Any

    def predict(self, x: Float[Tensor, "steps rows width"]) -> Float[Tensor, "candidates ..."]:
        """The prediction of each row of values. It can be differentiated."""
        rows, place = x.shape[1], torch.tensor(self.at)
        x = x.to(self.values.dtype)
        # A model that squeezes a batch of one has lost its rows.
        x = x if rows > 1 else x.expand(-1, 2, -1)
        if self.layer is None:
            over_time = [value.expand(x.shape[1], *value.shape) for value in self.row.over_time]
            sizes = [self.row.over_time[k][0].numel() for k in self.row.numbers]
            for k, part in zip(self.row.numbers, x.transpose(0, 1).split_with_sizes(sizes, 2), strict=True):
                over_time[k] = part.reshape(over_time[k].shape)
            return self.row.predict_from(over_time, place)[:rows]
        whole = torch.arange(self.row.steps).expand(x.shape[1], -1)
        with _given_instead(self.layer, x):
            return self.row.predict(whole, place)[:rows]

    @torch.no_grad()
    def predictions_without(self, spans: Sequence[tuple[int, int]]) -> Float[Tensor, "candidates ..."]:
        """The prediction where nothing is read from one step up to another, which pass all the same; one a span."""
        size = max(2, AT_ONCE // (self.row.steps * width(self.row)))
        parts = []
        for first in range(0, len(spans), size):
            batch = spans[first : first + size]
            x = self.values.repeat(1, len(batch), 1)
            for number, (start, end) in enumerate(batch):
                x[start:end, number] = self.nothing[start:end, 0]
            parts.append(self.predict(x))
        return torch.cat(parts)


@torch.no_grad()
def read_values(row: ModelRow, at: int, nothing: Float[Tensor, "..."] | None) -> ReadValues | None:
    """What is read of a row. nothing: one number for all features or one for each; None is zero.

    None for ids without a recurrent layer of as many steps.
    """
    layer = None
    if row.numbers:
        values = torch.cat([row.over_time[k].reshape(row.steps, 1, -1) for k in row.numbers], 2)
    else:
        layers = layers_in_order(row)
        if not layers:
            return None
        layer = next(iter(layers.values()))
        values = _read_by(row, layer)
    base = torch.zeros_like(values) if nothing is None else nothing.to(values).expand_as(values)
    return ReadValues(row=row, at=at, values=values, nothing=base, layer=layer)


def _read_by(row: ModelRow, layer: Any) -> Float[Tensor, "steps 1 width"]:
    layer_inputs: list[Tensor] = []

    def see(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        x = args[0] if args else kwargs["input"]
        if isinstance(x, PackedSequence):  # rows of equal length
            layer_inputs.append(x.data.reshape(row.steps, -1, x.data.shape[-1]))
        else:
            layer_inputs.append(x.transpose(0, 1) if module.batch_first else x)

    hook = layer.register_forward_pre_hook(see, with_kwargs=True)
    try:
        row.predict(torch.arange(row.steps).expand(2, -1))
    finally:
        hook.remove()
    return layer_inputs[0][:, :1]


@contextmanager
def _given_instead(layer: nn.Module, x: Float[Tensor, "steps rows width"]) -> Iterator[None]:
    """While it lasts, the layer reads this."""

    def instead(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer_input = args[0] if args else kwargs["input"]
        fresh: Tensor | PackedSequence
        if isinstance(layer_input, PackedSequence):  # rows of equal length
            order = layer_input.sorted_indices
            fresh = layer_input._replace(data=(x if order is None else x[:, order]).reshape(-1, x.shape[2]))
        else:
            fresh = x.transpose(0, 1) if module.batch_first else x
        return ((fresh, *args[1:]), kwargs) if args else ((), kwargs | {"input": fresh})

    hook = layer.register_forward_pre_hook(instead, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
