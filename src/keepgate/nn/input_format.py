"""Input formats of torch.nn (unbatched, batch first, packed) → [time, batch, input] with lengths, and back."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..errors import SettingsError, ShapeError
from .checks import check_kind
from .length_mask import length_mask

Lengths = Tensor | list[int] | tuple[int, ...]
Hidden = Tensor | tuple[Tensor, ...]


class BatchLayout(NamedTuple):
    """An input, time first, and how to bring what belongs to it into the same form and back.

    x:       [time, batch, input], rows in the caller's order, also where they were packed sorted.
    lengths: steps of each row, int64 on the CPU, or None where all have all of them.
    batched: whether the caller gave a batch. batch_first: whether it came so. packed: the PackedSequence that it was.
    """

    x: Float[Tensor, "time batch input"]
    lengths: Int[Tensor, " batch"] | None = None
    batched: bool = True
    batch_first: bool = False
    packed: PackedSequence | None = None

    def initial_states(
        self, hx: Hidden | None, names: Sequence[str], sizes: Sequence[int], places: int, layer: str
    ) -> list[tuple[Tensor, ...]]:
        """The states before the first step for each layer and direction, [batch, units] each.

        hx: one [places, batch, units] for each of the cell's states, in its order; zeros if None.
        names, sizes: of the cell's states. layer: the class's name, for messages.
        Raises ShapeError for what does not fit.
        """
        rows = self.x.shape[1]
        if hx is None:
            zeros = {size: self.x.new_zeros(rows, size) for size in sizes}
            return [tuple(zeros[size] for size in sizes)] * places
        states = (hx,) if isinstance(hx, Tensor) or not isinstance(hx, (tuple, list)) else tuple(hx)
        if len(states) != len(names):
            raise ShapeError(
                f"{layer} carries {len(names)} state(s), {', '.join(names)}, "
                f"but hx holds {len(states)}; give {'a tuple of them' if len(names) > 1 else 'one tensor'}"
            )
        in_order = []
        for name, state, size in zip(names, states, sizes, strict=True):
            expected = (places, rows, size) if self.batched else (places, size)
            check_shape(f"initial state {name}", state, expected, "Expected hidden size")
            check_kind(f"initial state {name}", state, self.x)
            in_order.append(state if self.batched else state.unsqueeze(1))
        return list(zip(*in_order, strict=True))

    def final_states(self, final: Sequence[tuple[Tensor, ...]]) -> Hidden:
        """The final states of each layer and direction, [batch, units], as torch.nn returns them."""
        if len(final) == 1:
            stacked = [state[None] for state in final[0]]
        else:
            stacked = [torch.stack(states) for states in zip(*final, strict=True)]
        if not self.batched:
            stacked = [state.squeeze(1) for state in stacked]
        return tuple(stacked) if len(stacked) > 1 else stacked[0]

    def time_first_resets(self, resets: Tensor | None) -> Tensor | None:
        """Resets as [time, batch] beside `x`. Raises ShapeError or SettingsError for what does not fit."""
        if resets is None:
            return None
        if self.packed is not None:
            raise SettingsError(
                "resets need a padded input, because a PackedSequence has no [time, batch]; pad it"
            )
        steps, rows = self.x.shape[:2]
        laid_out = resets
        if isinstance(resets, Tensor):
            laid_out = resets if self.batched else resets.unsqueeze(1)
            laid_out = laid_out.T if self.batch_first and self.batched and resets.dim() == 2 else laid_out
        if (
            not isinstance(laid_out, Tensor)
            or laid_out.dtype != torch.bool
            or laid_out.shape != (steps, rows)
        ):
            kind = (
                f"{resets.dtype} of shape {tuple(resets.shape)}"
                if isinstance(resets, Tensor)
                else f"{resets!r}"
            )
            raise ShapeError(
                f"resets is {kind}; expected a tensor of torch.bool, laid out as the input: {steps} steps by {rows} "
                "rows"
            )
        return laid_out.to(self.x.device)

    def output(self, output: Tensor) -> Tensor | PackedSequence:
        """The output [time, batch, units] in the form in which the input came."""
        if self.packed is not None:
            steps, rows = _packed_places(self.packed).to(output.device).nonzero(as_tuple=True)
            order = self.packed.unsorted_indices
            places = rows if order is None else order.to(rows.device).argsort()[rows]
            return self.packed._replace(data=output[steps, places])
        if not self.batched:
            return output.squeeze(1)
        return output.transpose(0, 1) if self.batch_first else output


def batch_layout(
    input: Tensor | PackedSequence, lengths: Lengths | None, batch_first: bool, layer: str
) -> BatchLayout:
    """The input, time first. Raises ShapeError for what no layer can read, TypeError for what is no tensor.

    layer: the class's name, for messages.
    """
    if isinstance(input, PackedSequence):
        if lengths is not None:
            raise SettingsError(
                "a PackedSequence has its lengths inside; pass lengths=None, or a padded tensor"
            )
        return _unpacked(input, layer)
    if not isinstance(input, Tensor):
        raise TypeError(f"{layer} takes a Tensor or a PackedSequence, got {type(input).__name__}")
    if input.layout is not torch.strided or input.is_nested:
        kind = "a nested tensor" if input.is_nested else f"laid out as {input.layout}"
        raise ShapeError(
            f"{layer}: input is {kind}; give a plain one, as by to_dense() or to_padded_tensor(0) with lengths"
        )
    if input.dim() not in (2, 3):
        raise ShapeError(
            f"{layer}: expected input to be 2D or 3D, got {input.dim()}D; "
            "give [time, input] for one sequence or [time, batch, input] for several"
        )
    batched = input.dim() == 3
    x = input if batched else input.unsqueeze(1)
    if batched and batch_first:
        x = x.transpose(0, 1)
    if x.shape[0] == 0:
        raise ShapeError(
            f"Expected sequence length to be larger than 0 in RNN: {layer} got an input of shape "
            f"{tuple(input.shape)}, without steps; give at least one (rows without steps: lengths=0)"
        )
    checked = None if lengths is None else check_lengths(lengths, steps=x.shape[0], rows=x.shape[1])
    return BatchLayout(x=x, lengths=checked, batched=batched, batch_first=batch_first)


def states_for_fast_path(hx: Any) -> tuple[Tensor, ...] | None:
    """The states of a batch as plain tensors, none for None; None for others, which the general path checks."""
    if hx is None:
        return ()
    states = hx if type(hx) is tuple else (hx,)
    return states if states and all(type(s) is Tensor and s.dim() == 3 for s in states) else None


def check_shape(name: str, state: Any, expected: tuple[int | torch.SymInt, ...], torchs: str) -> None:
    """Raises ShapeError for a state that is no tensor, or of another shape than it must be.

    torchs: the words with which torch's message begins, which code may look for.
    """
    if not isinstance(state, Tensor):
        raise ShapeError(
            f"{name} is {type(state).__name__}, expected a tensor of shape {expected}; leave hx out for zeros"
        )
    if tuple(state.shape) != expected:
        raise ShapeError(
            f"{torchs} {expected}, got {list(state.shape)}: {name} has a number a unit for each row of "
            "the input and, in a layer, for each of its layers and directions; leave hx out for zeros"
        )


def check_lengths(lengths: Lengths, *, steps: int, rows: int) -> Int[Tensor, " batch"]:
    """The lengths as int64 on the CPU. Raises ShapeError for a number of rows or a length that cannot be."""
    try:
        counts = torch.as_tensor(lengths)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ShapeError(f"lengths is {lengths!r}; give one whole number of steps for each row") from error
    if counts.dtype.is_floating_point or counts.dtype.is_complex or counts.dtype == torch.bool:
        raise ShapeError(
            f"lengths count steps, so they are whole numbers, got {counts.dtype}; use lengths.long()"
        )
    if tuple(counts.shape) != (rows,):
        raise ShapeError(
            f"lengths has shape {tuple(counts.shape)}, but the input has {rows} rows; give one length a row"
        )
    counts = counts.detach().to("cpu", torch.int64)
    if torch.compiler.is_compiling():
        return counts  # their values are not known yet; the kernel looks at them when it runs
    if rows and (int(counts.min()) < 0 or int(counts.max()) > steps):
        row = int(torch.nonzero((counts < 0) | (counts > steps))[0])
        raise ShapeError(
            f"lengths[{row}] is {int(counts[row])}, but the input has {steps} steps; lengths go from 0 to {steps}"
        )
    return counts


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
    real = _packed_places(packed)
    positions = torch.zeros(len(counts), counts[0], dtype=torch.int64)
    positions[real] = torch.arange(len(data))
    if packed.unsorted_indices is not None:
        order = packed.unsorted_indices.cpu()
        real, positions = real[:, order], positions[:, order]
    padded = data.index_select(0, positions.reshape(-1).to(data.device)).view(len(counts), counts[0], -1)
    return BatchLayout(x=padded, lengths=real.sum(0), packed=packed)


def _packed_places(packed: PackedSequence) -> Bool[Tensor, "time batch"]:
    """Where the data of a PackedSequence belong, step by step, rows in its own order."""
    return length_mask(int(packed.batch_sizes[0]), packed.batch_sizes.cpu()).T


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
