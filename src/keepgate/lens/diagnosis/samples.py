"""What a model is examined with: rows of any length, and each row's loss given all of it or its last steps only."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ...errors import SettingsError, ShapeError
from ...nn.eval_mode import eval_mode
from ...nn.input_format import check_lengths
from .model_io import (
    as_tensors,
    call,
    leaves,
    lengths_of,
    mapped,
    mask_of,
    prediction,
    refuse_not_finite,
    unchanged,
)
from .usual_loss import as_logits, labelled, usual_loss

# (inputs, targets), (inputs, lengths, targets), or a dict that names its targets.
Batch = Sequence[Any] | Mapping[str, Any]
# What libraries call the targets in a batch that is a dict.
TARGET_NAMES = ("labels", "label", "targets", "target", "y")
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
        return self._shape[self.time]

    @property
    def lengths(self) -> Int[Tensor, " rows"]:
        if self.ends is None:
            return torch.full((self._shape[1 - self.time],), self.steps)
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
        if self.loss is not None or self.targets.shape[:2] != self._shape or self.steps < 2:
            return False
        fewer = self.given(self.steps - 1)
        with torch.no_grad():
            answers = self._by_time(self._prediction(self._called(fewer)))
        return answers.dim() > self.time and answers.shape[self.time] == fewer.steps

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

    def first(self, rows: int) -> "Rows":
        return self.picked(torch.arange(min(rows, self._shape[1 - self.time])))

    def picked(self, rows: Int[Tensor, " some"], steps: int | None = None) -> "Rows":
        """These of the rows, and of each its first so many steps; None takes those of the longest."""
        ends = None if self.ends is None else self.ends[rows.to(self.ends.device)]
        if steps is None:
            steps = self.steps if ends is None else int(ends.max())
        every = len(self.lengths)

        def over_time(leaf: Tensor) -> Tensor:
            return leaf.index_select(1 - self.time, rows.to(leaf.device)).narrow(self.time, 0, steps)

        def own(leaf: Tensor) -> Tensor:
            if self.runs(leaf):
                return over_time(leaf)
            return leaf[rows.to(leaf.device)] if leaf.dim() and len(leaf) == every else leaf

        targets = over_time(self.targets) if self.each_step else own(self.targets)
        return replace(self, inputs=mapped(self.inputs, own), targets=targets, ends=ends)

    @property
    def _shape(self) -> torch.Size:
        """The first two dimensions of what runs over time."""
        return next(leaf.shape[:2] for leaf in leaves(self.inputs) if leaf.dim() > 1)

    def runs(self, leaf: Tensor) -> bool:
        """Whether a tensor of the inputs has a value for each step, and is not given whole."""
        return leaf.dim() > 1 and leaf.shape[:2] == self._shape

    def given(self, last: int | None) -> "Rows":
        """The rows' last steps, or all; before them another row's where the model takes no fewer."""
        if last is None:
            return self
        return self._cut(last) if self.cuts else self._mixed(last)

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
        return prediction(result, self._shape[1 - self.time], 1 - self.time, self.output)

    def _at_end(self, values: Tensor, lengths: Int[Tensor, " rows"]) -> Tensor:
        """The values at each row's last step."""
        place = (lengths - 1).to(values.device)
        row = torch.arange(len(place), device=values.device)
        return values[row, place] if self.time else values[place, row]


def labelled_rows(samples: list[Rows]) -> list[Rows]:
    """The same rows; targets 0.0 and 1.0 of a model that gives logits as classes."""
    if samples[0].loss is not None or not all(sample.targets.dtype.is_floating_point for sample in samples):
        return samples
    with torch.no_grad():
        results = torch.cat([sample.answered()[0].flatten() for sample in samples])
    targets = labelled(results, torch.cat([sample.targets for sample in samples]))
    if targets.dtype.is_floating_point:
        return samples
    parts = torch.split(targets, [len(sample.targets) for sample in samples])
    return [replace(sample, targets=part) for sample, part in zip(samples, parts, strict=True)]


def _pair(batch: Mapping[str, Any], model: nn.Module) -> Sequence[Any]:
    """A batch in one dict, as libraries give it, as (inputs, targets); nothing where it names no targets."""
    name = next((name for name in TARGET_NAMES if name in batch), None)
    inputs = {key: value for key, value in batch.items() if key != name}
    if name is None or not inputs:
        return ()
    only = next(iter(inputs))
    single = len(inputs) == 1 and only in inspect.signature(model.forward).parameters
    return inputs[only] if single else inputs, batch[name]


def _with_ends(rows: Rows) -> Rows:
    """The same rows with the lengths, or the mask, that are among the inputs, if the answers are the same whatever
    stands after them."""
    mask, split = mask_of(rows.inputs, rows._shape, rows.time), lengths_of(rows.inputs, rows.time)
    if mask is not None:
        bounded = replace(rows, ends=mask, masked=True)
    elif split is not None:
        bounded = replace(rows, inputs=split[0], ends=split[1])
    else:
        return rows
    place = torch.arange(rows.steps)
    real = (place < bounded.lengths[:, None]) if rows.time else (place[:, None] < bounded.lengths)

    def others_after(leaf: Tensor) -> Tensor:
        """Another row's steps after a row's end."""
        inside = real.to(leaf.device)
        if not bounded.runs(leaf) or (leaf.dim() == 2 and bool(((leaf != 0) == inside).all())):
            return leaf
        return leaf.where(inside.reshape(*inside.shape, *[1] * (leaf.dim() - 2)), leaf.roll(1, 1 - rows.time))

    with torch.no_grad(), eval_mode(rows.model):
        answers, changed = (
            each.answered()[0] if rows.loss is None else each.losses()
            for each in (bounded, replace(bounded, inputs=mapped(bounded.inputs, others_after)))
        )
    return bounded if torch.allclose(answers, changed, rtol=1e-3, atol=1e-5) else rows


def batch_sample(
    model: nn.Module,
    batch: Batch,
    *,
    loss: Loss | None = None,
    time: int = 0,
    output: str | int | None = None,
) -> Rows:
    """One batch as rows: (inputs, targets), the inputs as the model takes them, or (inputs, lengths, targets).

    inputs: tensors or arrays, one, or a tuple or dict of them; or a PackedSequence. time: their dimension of time.
    loss: None takes cross entropy for whole numbers, half the squared error else. output: see `prediction`.
    Raises SettingsError for a batch that is none of these or holds NaN, ShapeError for lengths that do not fit.
    """
    parts: Sequence[Any] = _pair(batch, model) if isinstance(batch, Mapping) else batch
    targets: Any = parts[-1] if isinstance(parts, Sequence) and len(parts) in (2, 3) else None
    targets = torch.from_numpy(targets) if isinstance(targets, numpy.ndarray) else targets
    if not isinstance(targets, Tensor):
        raise SettingsError(
            "a batch is (inputs, targets), (inputs, lengths, targets) or a dict with its targets as 'labels' or "
            f"'targets', these as a tensor; questions are for readers of ours, and this is a {type(model).__name__}"
        )
    inputs: Any = parts[0]
    ends: Tensor | None = None
    packed = isinstance(inputs, PackedSequence)
    ordered = packed and inputs.sorted_indices is None
    if packed:
        if len(parts) == 3:
            raise SettingsError("a PackedSequence has its lengths inside; give (packed, targets)")
        time, (inputs, ends) = 0, pad_packed_sequence(inputs)
    else:
        inputs = as_tensors(inputs)
    if time not in (0, 1) or not any(leaf.dim() > 1 for leaf in leaves(inputs)):
        shapes = [list(leaf.shape) for leaf in leaves(inputs)]
        raise SettingsError(
            f"inputs are [time, batch, …] or [batch, time, …]; these are {shapes}, and time is {time}"
        )
    rows = Rows(
        model=model, inputs=inputs, targets=targets, loss=loss, time=time, output=output, ends=ends, packed=packed,
        ordered=ordered,
    )  # fmt: skip
    refuse_not_finite(inputs, targets, time)
    if len(parts) == 2:
        return rows if packed else _with_ends(rows)
    lengths: Any = parts[1]
    ends = check_lengths(lengths, steps=rows.steps, rows=rows._shape[1 - time])
    if len(ends) and int(ends.min()) < 1:
        raise ShapeError(
            f"row {int(ends.argmin())} has length 0; leave out rows in which there is nothing to read"
        )
    # As they were given, for the model may want them on its own device.
    return replace(rows, ends=torch.as_tensor(lengths).to(ends.dtype))
