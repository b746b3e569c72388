"""Weights in another library's order → a layer of ours, its gates put into the cell's order by name."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from ..equations import Cell
from ..nn import Recurrent


def ordered(blocks: Tensor, theirs: Sequence[str], ours: Sequence[str]) -> Tensor:
    """Rows [gates · hidden, …], named in their order, in that of ours; what ours does not name is left out."""
    by_name = dict(zip(theirs, blocks.chunk(len(theirs)), strict=True))
    return torch.cat([by_name[name] for name in ours])


def empty_layer(
    cell: Cell, place: Mapping[str, Tensor], *, directions: int = 1, batch_first: bool
) -> Recurrent:
    """A layer on the meta device, with the sizes of the parameters of one of its directions."""
    weight_ih = place["weight_ih"]
    return Recurrent(
        cell, weight_ih.shape[1], len(weight_ih) // len(cell.gates), bias="bias_ih" in place,
        bidirectional=directions == 2, batch_first=batch_first, device="meta", dtype=weight_ih.dtype,
    )  # fmt: skip


def named_parameters(places: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The parameters of one or two directions by the names that a layer has for them."""
    suffixes = ("", "_reverse")
    return {
        f"{name}_l0{suffix}": tensor
        for suffix, place in zip(suffixes, places, strict=False)
        for name, tensor in place.items()
    }


def recurrent_layer(cell: Cell, places: Sequence[Mapping[str, Tensor]], *, batch_first: bool) -> Recurrent:
    """A layer in evaluation mode with these very numbers. places: the parameters of each direction, forward first."""
    layer = empty_layer(cell, places[0], directions=len(places), batch_first=batch_first)
    for name, tensor in named_parameters(places).items():
        setattr(layer, name, nn.Parameter(tensor.contiguous()))
    return layer.eval()


def flip_rows(
    x: Shaped[Tensor, "time batch *rest"], lengths: Tensor | None
) -> Shaped[Tensor, "time batch *rest"]:
    """Each row's own steps in reverse, the padding after them where it was. lengths: None where every step is real."""
    if lengths is None:
        return x.flip(0)
    steps = torch.arange(len(x), device=x.device)[:, None]
    counts = lengths.to(x.device)
    mirrored = torch.where(steps < counts, counts - 1 - steps, steps)
    return x[mirrored, torch.arange(x.shape[1], device=x.device)]
