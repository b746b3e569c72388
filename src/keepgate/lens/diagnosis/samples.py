"""What a model is examined with: rows of any length, and each row's loss given all of it or its last steps only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ...errors import SettingsError, ShapeError
from ...nn.input_format import check_lengths

Batch = tuple[Tensor | PackedSequence, Tensor] | tuple[Tensor, Tensor, Tensor]
Loss = Callable[[Any, Tensor], Float[Tensor, " rows"]]


@runtime_checkable
class Sample(Protocol):
    """Some rows that are run at once."""

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        """How many steps of each row there are to be given: of a question, its text's tokens."""

    @property
    def needed(self) -> Int[Tensor, " rows"]:
        """How far back, in steps, what is asked of each row lies; the whole row where nobody says."""

    @property
    def tail(self) -> Int[Tensor, " rows"]:
        """How many steps at the end of each row always stay, beyond its length: a question's, read after the text."""

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        """Each row's loss, in nats, given its last so many steps; None gives all."""

    def first(self, rows: int) -> "Sample":
        """The first so many of these rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows of tensors, for any model: it is called with x alone, or with x and the rows' lengths.

    given: x, whole rows; padded where they differ in length. ends: their lengths, if the model wants to know them.
    packed: whether it is given a PackedSequence instead; ordered: whether that says nothing of another order.
    """

    model: nn.Module
    given: Tensor
    targets: Tensor
    loss: Loss
    time: int
    ends: Int[Tensor, " rows"] | None = None
    packed: bool = False
    ordered: bool = False

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        if self.ends is None:
            return torch.full((len(self.targets),), self.given.shape[self.time])
        return self.ends.cpu()

    @property
    def needed(self) -> Int[Tensor, " rows"]:
        return self.lengths

    @property
    def tail(self) -> Int[Tensor, " rows"]:
        return torch.zeros_like(self.lengths)

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        """As Sample says. Raises SettingsError for a loss that is not one number a row."""
        found = self.loss(self._called(self if last is None else self._cut(last)), self.targets)
        if found.dim() != 1:
            raise SettingsError(f"the loss is of shape {tuple(found.shape)}; give one number for each row")
        return found

    def first(self, rows: int) -> "Rows":
        ends = None if self.ends is None else self.ends[:rows]
        given = self.given[:rows] if self.time else self.given[:, :rows]
        longest = given.shape[self.time] if ends is None else int(ends.max())
        return replace(
            self, given=given.narrow(self.time, 0, longest), targets=self.targets[:rows], ends=ends
        )

    def _cut(self, last: int) -> "Rows":
        steps = self.given.shape[self.time]
        if self.ends is None:
            return replace(self, given=self.given.narrow(self.time, steps - last, last))
        # A row that is longer than that begins later; another keeps what lies beyond its end, whatever it is.
        begins = (self.ends - last).clamp(min=0)
        place = begins + torch.arange(min(last, steps), device=self.ends.device).unsqueeze(1)
        row = torch.arange(len(self.ends), device=self.ends.device)
        given = self.given[row.unsqueeze(1), place.T] if self.time else self.given[place, row]
        return replace(self, given=given, ends=self.ends.clamp(max=last))

    def _called(self, rows: "Rows") -> Any:
        if rows.ends is None:
            return rows.model(rows.given)
        if not rows.packed:
            return rows.model(rows.given, rows.ends)
        return rows.model(pack_padded_sequence(rows.given, rows.ends.cpu(), enforce_sorted=rows.ordered))


def batch_sample(model: nn.Module, batch: Batch, *, loss: Loss | None = None, time: int = 0) -> Rows:
    """One batch as rows: (x, targets), with x a tensor or a PackedSequence, or (x, lengths, targets).

    time: the dimension of time in x. loss: None takes cross entropy for whole numbers, half the squared error else.
    Raises SettingsError for a batch that is none of these, ShapeError for lengths that do not fit or are 0.
    """
    if not isinstance(batch, Sequence) or len(batch) not in (2, 3) or not isinstance(batch[-1], Tensor):
        raise SettingsError(
            "a batch is (inputs, targets) or (inputs, lengths, targets), with the targets as a tensor; questions are "
            f"for readers of ours, and this is a {type(model).__name__}"
        )
    measured = loss or usual_loss
    targets: Tensor = batch[-1]
    x: Any = batch[0]
    if isinstance(x, PackedSequence):
        if len(batch) == 3:
            raise SettingsError("a PackedSequence has its lengths inside; give (packed, targets)")
        padded, ends = pad_packed_sequence(x)
        return Rows(
            model=model, given=padded, targets=targets, loss=measured, time=0, ends=ends, packed=True,
            ordered=x.sorted_indices is None,
        )  # fmt: skip
    if len(batch) == 2:
        return Rows(model=model, given=x, targets=targets, loss=measured, time=time)
    if time not in (0, 1) or x.dim() < 2:
        raise SettingsError(f"rows with lengths are [time, batch, …] or [batch, time, …]; time is {time}")
    given: Any = batch[1]
    ends = check_lengths(given, steps=x.shape[time], rows=x.shape[1 - time])
    if len(ends) and int(ends.min()) < 1:
        raise ShapeError(
            f"row {int(ends.argmin())} has length 0; leave out rows in which there is nothing to read"
        )
    ends = torch.as_tensor(given).to(ends.dtype)
    return Rows(model=model, given=x, targets=targets, loss=measured, time=time, ends=ends)


def usual_loss(result: Any, targets: Tensor) -> Float[Tensor, " rows"]:
    """Cross entropy for whole numbers, half the squared error for others; the mean of what belongs to one row."""
    if targets.dtype.is_floating_point:
        return mse_loss(result, targets, reduction="none").flatten(1).mean(1) / 2
    return cross_entropy(result, targets, reduction="none").reshape(len(targets), -1).mean(1)
