"""What a model is examined with: rows of any length, and each row's loss given all of it or its last steps only."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ...errors import SettingsError
from .model_io import call, leaves, mapped, prediction, unchanged
from .usual_loss import are_probabilities, as_logits, usual_loss

Loss = Callable[[Any, Tensor], Float[Tensor, " rows"]]
# The target of a step that does not count, by torch's cross entropy.
IGNORED = -100


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
    """Rows of tensors, for any model: it is called with the inputs alone, or with them and the rows' lengths.

    inputs:  whole rows, padded where they differ in length. A tensor, or a tuple or dict of them; those whose first two
             dimensions are the first one's run over time, others are given whole.
    loss:    from the result and the targets; None is `usual_loss` of the prediction, which `output` names.
    time:    the inputs' dimension of time. ends: the rows' lengths, if the model wants to know them.
    masked:  whether they are in a mask among the inputs instead. packed: whether it is given a PackedSequence instead;
             ordered: whether that says nothing of another order.
    """

    model: nn.Module
    inputs: Any
    targets: Tensor
    loss: Loss | None
    time: int
    output: str | int | None = None
    ends: Int[Tensor, " rows"] | None = None
    packed: bool = False
    masked: bool = False
    ordered: bool = False

    @property
    def steps(self) -> int:
        """Of the longest row."""
        return self.shape[self.time]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        if self.ends is None:
            return torch.full((self.shape[1 - self.time],), self.steps)
        return self.ends.cpu()

    @property
    def needed(self) -> Int[Tensor, " rows"]:
        return self.lengths

    @property
    def tail(self) -> Int[Tensor, " rows"]:
        return torch.zeros_like(self.lengths)

    @cached_property
    def each_step(self) -> bool:
        """Whether the model answers at each step, so that fewer steps give fewer answers."""
        if self.loss is not None or self.targets.shape[:2] != self.shape or self.steps < 2:
            return False
        fewer = self.given(self.steps - 1)
        with torch.no_grad():
            answers = self._by_time(self._prediction(self._called(fewer)))
        return answers.dim() > self.time and answers.shape[self.time] == fewer.steps

    @cached_property
    def probabilities(self) -> int | None:
        """Of how many classes the model gives probabilities that sum to 1; None where it gives others, or one."""
        with torch.no_grad():
            answers = self._prediction(self._called(self))
        answers = self._by_time(answers) if self.each_step else answers
        return answers.shape[-1] if are_probabilities(answers, self.targets) else None

    @cached_property
    def cuts(self) -> bool:
        """Whether the model takes rows of fewer steps: one that flattens all its states does not."""
        if self.ends is not None or self.steps < 2:
            return True
        try:
            with torch.no_grad():
                for last in (1, self.steps - 1):
                    self._called(self._cut(last))
        except (RuntimeError, ValueError, IndexError):
            return False
        return True

    def losses(self, last: int | None = None) -> Float[Tensor, " rows"]:
        """As Sample says; of a model that answers at each step, the loss of the row's last answer.

        Raises SettingsError for results and targets that do not fit, or for a loss that is not one number a row.
        """
        return self.losses_by(self.given(last))

    def losses_by(self, rows: "Rows") -> Float[Tensor, " rows"]:
        """The losses if the model is given these rows instead. Raises as `losses` does."""
        if self.loss is None:
            return usual_loss(*self.answered_by(rows))
        result = self._called(rows)
        losses = self.loss(result if self.output is None else self._prediction(result), self.targets)
        if losses.dim() != 1:
            raise SettingsError(f"the loss is of shape {tuple(losses.shape)}; give one number for each row")
        return losses

    def answered(
        self, last: int | None = None, ends: Int[Tensor, " rows"] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The predictions, and the targets that count, one a row: of a model that answers at each step, the last.

        ends: take that at these steps' end instead.
        """
        return self.answered_by(self.given(last), ends)

    def answered_by(self, rows: "Rows", ends: Int[Tensor, " rows"] | None = None) -> tuple[Tensor, Tensor]:
        """The same if the model is given these rows instead."""
        answers, targets = self._prediction(self._called(rows)), self.targets
        if self.each_step:
            answers = self._at_end(self._by_time(answers), rows.lengths if ends is None else ends)
            targets = self._at_end(targets, self.lengths if ends is None else ends)
        return as_logits(answers, targets), targets

    def answered_at_each_step(self) -> tuple[Tensor, Tensor, Bool[Tensor, "rows steps"]]:
        """The predictions and targets of a model that answers at each step, rows first, and which of them count."""
        answers, targets = self._by_time(self._prediction(self._called(self))), self.targets
        if not self.time:
            answers, targets = answers.transpose(0, 1), targets.transpose(0, 1)
        inside = torch.arange(self.steps) < self.lengths.unsqueeze(1)
        numbers = targets.dtype.is_floating_point
        counts = inside if numbers else inside & (targets != IGNORED).cpu()
        return as_logits(answers, targets), targets, counts

    def first(self, rows: int) -> "Rows":
        return self.picked(torch.arange(min(rows, self.shape[1 - self.time])))

    def picked(self, rows: Int[Tensor, " some"], steps: int | None = None, *, begin: int = 0) -> "Rows":
        """These of the rows, and of each so many steps from `begin` on; None takes those of the longest."""
        ends = None if self.ends is None else self.ends[rows.to(self.ends.device)]
        if steps is None:
            steps = self.steps if ends is None else int(ends.max())
        every = len(self.lengths)

        def over_time(leaf: Tensor) -> Tensor:
            return leaf.index_select(1 - self.time, rows.to(leaf.device)).narrow(self.time, begin, steps)

        def own(leaf: Tensor) -> Tensor:
            if self.runs(leaf):
                return over_time(leaf)
            return leaf[rows.to(leaf.device)] if leaf.dim() and len(leaf) == every else leaf

        targets = over_time(self.targets) if self.each_step else own(self.targets)
        return replace(self, inputs=mapped(self.inputs, own), targets=targets, ends=ends)

    @property
    def shape(self) -> torch.Size:
        """The first two dimensions of what runs over time."""
        return next(leaf.shape[:2] for leaf in leaves(self.inputs) if leaf.dim() > 1)

    def runs(self, leaf: Tensor) -> bool:
        """Whether a tensor of the inputs has a value for each step, and is not given whole."""
        return leaf.dim() > 1 and leaf.shape[:2] == self.shape

    def given(self, last: int | None) -> "Rows":
        """The rows' last steps, or all; before them another row's where the model takes no fewer."""
        if last is None:
            return self
        return self._cut(last) if self.cuts else self._mixed(last)

    def exchanged(self, order: Int[Tensor, " rows"]) -> "Rows":
        """The same rows, each with the steps of the row that `order` names."""
        return replace(
            self,
            inputs=mapped(
                self.inputs,
                lambda leaf: (
                    leaf.index_select(1 - self.time, order.to(leaf.device)) if self.runs(leaf) else leaf
                ),
            ),
        )

    def _mixed(self, last: int) -> "Rows":
        earlier = self.steps - last

        def mixed(leaf: Tensor) -> Tensor:
            if not self.runs(leaf):
                return leaf
            # Half the batch away: neighbours may be windows that overlap.
            others = leaf.roll(max(1, leaf.shape[1 - self.time] // 2), 1 - self.time)
            own = leaf.narrow(self.time, earlier, last)
            return torch.cat([others.narrow(self.time, 0, earlier), own], self.time)

        return replace(self, inputs=mapped(self.inputs, mixed))

    @cached_property
    def _classes_first(self) -> bool:
        """Whether answers a step come as [rows, classes, steps]; of as many classes as steps, fewer steps show it."""
        if self.time == 0:
            return False
        with torch.no_grad():
            shapes = [
                self._prediction(self._called(self.given(last))).shape for last in (None, self.steps - 1)
            ]
        steps = (self.steps, self.steps - 1) if self.cuts else (self.steps, self.steps)
        return all(len(shape) == 3 and shape[2] == n for shape, n in zip(shapes, steps, strict=True)) and any(
            shape[1] != n for shape, n in zip(shapes, steps, strict=True)
        )

    def _by_time(self, answers: Tensor) -> Tensor:
        """Answers a step as [rows, steps, classes]."""
        return answers.movedim(2, 1) if self._classes_first else answers

    def _cut(self, last: int) -> "Rows":
        if self.ends is None:
            start = self.steps - last
            return replace(
                self,
                inputs=mapped(
                    self.inputs,
                    lambda leaf: leaf.narrow(self.time, start, last) if self.runs(leaf) else leaf,
                ),
            )
        # A row that is longer than that begins later; another keeps what lies beyond its end, whatever it is.
        begins = (self.ends - last).clamp(min=0)
        place = begins + torch.arange(min(last, self.steps), device=self.ends.device).unsqueeze(1)
        row = torch.arange(len(self.ends), device=self.ends.device)

        def cut(leaf: Tensor) -> Tensor:
            if not self.runs(leaf):
                return leaf
            return leaf[row.unsqueeze(1), place.T] if self.time else leaf[place, row]

        return replace(self, inputs=mapped(self.inputs, cut), ends=self.ends.clamp(max=last))

    def _called(self, rows: "Rows") -> Any:
        if rows.ends is None or rows.masked:
            return call(rows.model, rows.inputs)
        if not rows.packed:
            return call(rows.model, rows.inputs, rows.ends)
        packed = pack_padded_sequence(rows.inputs, rows.ends.cpu(), enforce_sorted=rows.ordered)
        with unchanged(rows.model):
            return rows.model(packed)

    def _prediction(self, result: Any) -> Tensor:
        return prediction(result, self.shape[1 - self.time], 1 - self.time, self.output)

    def _at_end(self, values: Tensor, lengths: Int[Tensor, " rows"]) -> Tensor:
        """The values at each row's last step."""
        place = (lengths - 1).to(values.device)
        row = torch.arange(len(place), device=values.device)
        return values[row, place] if self.time else values[place, row]
