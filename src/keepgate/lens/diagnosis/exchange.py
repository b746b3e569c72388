"""Exchange of earlier steps: rows whose steps before their last ones are those of other rows with other answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from .model_io import leaves, mapped
from .samples import Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchange:
    """All rows of some samples end to end, and the rows from which each is given earlier steps.

    values:  of each input that runs over time, [all steps, …]. begins, lengths: of the rows in them.
    donors:  of each row, one for each draw.
    """

    values: tuple[Tensor, ...]
    begins: Int[Tensor, " rows"]
    lengths: Int[Tensor, " rows"]
    donors: Int[Tensor, "draws rows"]

    def given(self, sample: Rows, first: int, draw: int, last: int) -> Rows:
        """The sample, whose first row is number `first`, with its own last so many steps after another row's.

        A donor that is shorter than what it stands for is read again from its start.
        """
        donor = self.donors[draw, first : first + len(sample.lengths)]
        step = torch.arange(sample.steps)
        place = self.begins[donor].unsqueeze(1) + step % self.lengths[donor].unsqueeze(1)
        earlier = step < (sample.lengths - last).unsqueeze(1)
        if not sample.time:
            place, earlier = place.T, earlier.T
        values = iter(self.values)

        def exchanged(leaf: Tensor) -> Tensor:
            if not sample.runs(leaf):
                return leaf
            others = next(values)[place.to(leaf.device)]
            return torch.where(earlier.to(leaf.device)[(..., *[None] * (leaf.dim() - 2))], others, leaf)

        return replace(sample, inputs=mapped(sample.inputs, exchanged))


def exchange_of(
    samples: Sequence[Rows], differs: Bool[Tensor, "rows rows"], *, draws: int, seed: int
) -> Exchange | None:
    """Donors for all rows of the samples: those whose answer differs come first, then those of the nearest length.

    Which of equally long rows it is, is drawn by chance: neighbours may overlap. None for a single row, and for inputs
    that are not alike from sample to sample.
    """
    over_time = [[leaf for leaf in leaves(sample.inputs) if sample.runs(leaf)] for sample in samples]
    kinds = {tuple((leaf.shape[2:], leaf.dtype) for leaf in parts) for parts in over_time}
    lengths = torch.cat([sample.lengths for sample in samples])
    if len(kinds) > 1 or len(lengths) < 2:
        return None
    values = tuple(
        torch.cat([_end_to_end(sample, leaf) for sample, leaf in zip(samples, parts, strict=True)])
        for parts in zip(*over_time, strict=True)
    )
    return Exchange(
        values=values,
        begins=lengths.cumsum(0) - lengths,
        lengths=lengths,
        donors=_donors(lengths, differs, min(draws, len(lengths) - 1), seed),
    )


def _end_to_end(sample: Rows, leaf: Tensor) -> Tensor:
    real = (torch.arange(sample.steps) < sample.lengths.unsqueeze(1)).to(leaf.device)
    return (leaf if sample.time else leaf.transpose(0, 1))[real]


def _donors(
    lengths: Int[Tensor, " rows"], differs: Bool[Tensor, "rows rows"], draws: int, seed: int
) -> Int[Tensor, "draws rows"]:
    rows, longest = len(lengths), int(lengths.max())
    apart = (lengths.unsqueeze(1) - lengths).abs() + torch.rand(
        rows, rows, generator=torch.Generator().manual_seed(seed)
    )
    # In units of more than any difference of lengths: another answer, and never the row itself.
    cost = apart / (longest + 1) + 1.0 * ~differs + 2.0 * torch.eye(rows)
    return cost.topk(draws, dim=1, largest=False).indices.T
