"""Inputs as torch.nn takes them (unbatched, batch first, packed) → [time, batch, input] with lengths, and back."""

from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import SettingsError, ShapeError

Lengths = Tensor | list[int] | tuple[int, ...]
Hidden = Tensor | tuple[Tensor, ...]


class BatchLayout(NamedTuple):
    """An input, time first, and what is needed to hand the answer back in the form that was given."""

    x: Float[Tensor, "time batch input"]
    lengths: Int[Tensor, " batch"] | None = None
    batched: bool = True
    batch_first: bool = False
    packed: PackedSequence | None = None

    def states_in(self, state: Tensor) -> Tensor:
        """A given state [layers, batch, units], its rows in the order in which they are computed."""
        if not self.batched:
            return state.unsqueeze(1)
        if self.packed is not None and self.packed.sorted_indices is not None:
            return state.index_select(1, self.packed.sorted_indices)
        return state

    def states_out(self, states: list[Tensor]) -> list[Tensor]:
        """Computed states, their rows in the order in which they were given."""
        if not self.batched:
            return [state.squeeze(1) for state in states]
        if self.packed is not None and self.packed.unsorted_indices is not None:
            return [state.index_select(1, self.packed.unsorted_indices) for state in states]
        return states

    def unpacked(self) -> "BatchLayout":
        """The same rows as a padded input, in the order in which the caller had them before packing."""
        if self.packed is None:
            return self
        assert self.lengths is not None
        order = self.packed.unsorted_indices
        if order is None:
            return BatchLayout(x=self.x, lengths=self.lengths)
        return BatchLayout(x=self.x.index_select(1, order), lengths=self.lengths[order.cpu()])

    def output(self, output: Tensor) -> Tensor | PackedSequence:
        """The output [time, batch, units] in the form in which the input came."""
        if self.packed is not None:
            assert self.lengths is not None
            time = torch.arange(len(output)).unsqueeze(1)
            real = (time < self.lengths).to(output.device)
            return self.packed._replace(data=output[real])
        if not self.batched:
            return output.squeeze(1)
        return output.transpose(0, 1) if self.batch_first else output


def batch_layout(
    given: Tensor | PackedSequence, lengths: Lengths | None, batch_first: bool, layer: str
) -> BatchLayout:
    """The input, time first. Raises ShapeError for what no layer can read.

    layer: the class's name, for messages.
    """
    if isinstance(given, PackedSequence):
        if lengths is not None:
            raise SettingsError(
                "a PackedSequence has its lengths inside; pass lengths=None, or a padded tensor"
            )
        return _unpacked(given, layer)
    if not isinstance(given, Tensor):
        raise TypeError(f"{layer} takes a Tensor or a PackedSequence, got {type(given).__name__}")
    if given.dim() not in (2, 3):
        raise ShapeError(
            f"{layer}: expected input to be 2D or 3D, got {given.dim()}D; "
            "give [time, input] for one sequence or [time, batch, input] for several"
        )
    batched = given.dim() == 3
    x = given if batched else given.unsqueeze(1)
    if batched and batch_first:
        x = x.transpose(0, 1)
    if x.shape[0] == 0:
        raise ShapeError(
            f"Expected sequence length to be larger than 0 in RNN: {layer} got an input of shape "
            f"{tuple(given.shape)}, without steps; give at least one (rows without steps: lengths=0)"
        )
    checked = None if lengths is None else check_lengths(lengths, steps=x.shape[0], rows=x.shape[1])
    return BatchLayout(x=x, lengths=checked, batched=batched, batch_first=batch_first)


def check_lengths(lengths: Lengths, *, steps: int, rows: int) -> Int[Tensor, " batch"]:
    """The lengths as int64 on the CPU. Raises ShapeError for a number of rows or a length that cannot be."""
    given = torch.as_tensor(lengths)
    if given.dtype.is_floating_point or given.dtype.is_complex or given.dtype == torch.bool:
        raise ShapeError(
            f"lengths count steps, so they are whole numbers, got {given.dtype}; use lengths.long()"
        )
    if tuple(given.shape) != (rows,):
        raise ShapeError(
            f"lengths has shape {tuple(given.shape)}, but the input has {rows} rows; give one length a row"
        )
    given = given.detach().to("cpu", torch.int64)
    if torch.compiler.is_compiling():
        return given  # their values are not known yet; the kernel looks at them when it runs
    if rows and (int(given.min()) < 0 or int(given.max()) > steps):
        row = int(torch.nonzero((given < 0) | (given > steps))[0])
        raise ShapeError(
            f"lengths[{row}] is {int(given[row])}, but the input has {steps} steps; lengths go from 0 to {steps}"
        )
    return given


def _unpacked(packed: PackedSequence, layer: str) -> BatchLayout:
    data, sizes = packed.data, packed.batch_sizes
    if sizes.dim() != 1 or len(sizes) == 0:
        raise ShapeError(
            f"{layer}: batch_sizes of the PackedSequence has shape {tuple(sizes.shape)}; {_REPACK}"
        )
    counts = sizes.tolist()
    if data.dim() != 2:
        raise ShapeError(
            f"{layer}: the PackedSequence's data is {data.dim()}D, expected [rows, input]; {_REPACK}"
        )
    if min(counts) < 1:
        raise ShapeError(f"{layer}: batch_sizes[{counts.index(min(counts))}] is {min(counts)}; {_REPACK}")
    for step, (before, after) in enumerate(pairwise(counts), start=1):
        if after > before:
            raise ShapeError(f"{layer}: batch_sizes rises from {before} to {after} at step {step}; {_REPACK}")
    if sum(counts) != len(data):
        raise ShapeError(
            f"{layer}: batch_sizes adds up to {sum(counts)}, but the data has {len(data)} rows; {_REPACK}"
        )
    _check_permutation(packed, counts[0], layer)
    real = torch.arange(counts[0]) < sizes.cpu().unsqueeze(1)
    places = torch.zeros(len(counts), counts[0], dtype=torch.int64)
    places[real] = torch.arange(len(data))
    padded = data.index_select(0, places.reshape(-1).to(data.device)).view(len(counts), counts[0], -1)
    return BatchLayout(x=padded, lengths=real.sum(0), packed=packed)


def _check_permutation(packed: PackedSequence, rows: int, layer: str) -> None:
    for name, indices in (
        ("sorted_indices", packed.sorted_indices),
        ("unsorted_indices", packed.unsorted_indices),
    ):
        if indices is not None and sorted(indices.tolist()) != list(range(rows)):
            raise ShapeError(
                f"{layer}: {name} of the PackedSequence is no permutation of its {rows} rows; {_REPACK}"
            )


_REPACK = "pack it with torch.nn.utils.rnn.pack_padded_sequence, which keeps these in order"
