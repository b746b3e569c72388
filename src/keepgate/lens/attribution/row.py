"""ModelRow: one row of a model's inputs, and the model called with it whole, shortened or changed, many at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ...errors import SettingsError, ShapeError
from ..diagnosis.model_io import as_tensors, call, mapped, parts_of, prediction, refuse_not_finite

# What libraries call inputs over steps still to come, which are no steps of what was read.
NOT_READ = ("decoder", "future")
# Rows that a first call is made with, so that the dimension of rows is not taken for another.
ROWS = 7

Role = Literal["steps", "row", "states", "lengths", "whole"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelRow:
    """One row of a model's inputs, without padding, and where in the model's result the row's prediction is.

    inputs:   as the model takes them; the tensors in them are `values`, by their `roles`.
    values:   "steps" [steps, …]; "row": what the row has once; "states": [layers, 1, units]; "lengths": one number;
              "whole": the same for all rows. names: of those in a dict.
    lengths:  whether the model is called with the rows' lengths beside the inputs. packed: with a PackedSequence.
    time:     the inputs' dimension of time.
    output:   see `prediction`. each_step: whether the model answers at each step. shortens: whether it takes fewer.
    """

    model: nn.Module
    inputs: Any
    values: tuple[Tensor, ...]
    roles: tuple[Role, ...]
    names: tuple[str, ...]
    steps: int
    time: int
    lengths: Tensor | None = None
    packed: bool = False
    output: str | int | None = None
    each_step: bool = False
    shortens: bool = True

    def predict(
        self, kept: Int[Tensor, "candidates kept"], at: Int[Tensor, "..."] | None = None
    ) -> Float[Tensor, "candidates ..."]:
        """The prediction for the row with these of its steps only; at: whose answer counts, where each step has one."""
        return self.predict_from([value[kept] for value in self.over_time], at)

    def predict_from(
        self, over_time: list[Tensor], at: Int[Tensor, "..."] | None = None
    ) -> Float[Tensor, "candidates ..."]:
        """The prediction where these are what runs over time, [candidates, steps, …] each. It can be differentiated."""
        candidates = len(over_time[0])
        # A model that squeezes a batch of one has lost its rows.
        twice = [value.expand(2, *value.shape[1:]) for value in over_time] if candidates == 1 else over_time
        result = self.call(twice)
        predicted = prediction(result, len(twice[0]), 1 - self.time, self.output)
        if self.each_step:
            predicted = predicted if self.time else predicted.transpose(0, 1)
            place = (
                torch.full((len(predicted),), predicted.shape[1] - 1)
                if at is None
                else at.expand(len(predicted))
            )
            predicted = predicted[torch.arange(len(predicted)), place]
        if not predicted.dim() or len(predicted) != len(twice[0]):
            raise SettingsError(
                f"the prediction is of shape {list(predicted.shape)} for {len(twice[0])} rows; name it with output="
            )
        return predicted[:candidates]

    def call(self, over_time: list[Tensor]) -> Any:
        """The model's result, these being what runs over time, [candidates, steps, …] each."""
        candidates, steps = over_time[0].shape[:2]
        fresh, values = iter(over_time), iter(zip(self.values, self.roles, strict=True))

        def arranged(_: Tensor) -> Tensor:
            value, role = next(values)
            if role == "steps":
                return next(fresh) if self.time else next(fresh).transpose(0, 1)
            if role == "lengths":
                value = value - (self.steps - steps)
            if role == "states":
                return value.expand(-1, candidates, *value.shape[2:]).contiguous()
            return value if role == "whole" else value.expand(candidates, *value.shape)

        inputs = mapped(self.inputs, arranged)
        ends = torch.full((candidates,), steps)
        if self.packed:
            return self.model(pack_padded_sequence(inputs, ends, self.time == 1))
        more = () if self.lengths is None else (ends.to(self.lengths),)
        return call(self.model, inputs, *more)

    @property
    def over_time(self) -> list[Tensor]:
        """What runs over time, [steps, …] each."""
        return [value for value, role in zip(self.values, self.roles, strict=True) if role == "steps"]

    @property
    def numbers(self) -> dict[int, str]:
        """Which of those hold numbers, by their places among them, and not ids or nothing; with their names."""
        names = [name for name, role in zip(self.names, self.roles, strict=True) if role == "steps"]
        return {
            k: names[k]
            for k, value in enumerate(self.over_time)
            if value.is_floating_point() and value.numel()
        }


def row_of_model(
    model: nn.Module,
    inputs: Any,
    row: int,
    *,
    time: int,
    lengths: Any = None,
    output: str | int | None = None,
    width: int | None = None,
    probe: bool = True,
) -> ModelRow:
    """One row of a batch of inputs, or the only one.

    inputs:  a tensor or array, a tuple or dict of them, or a PackedSequence. Those whose first two dimensions are the
             first one's run over time, unless their names say that they are still to come (`NOT_READ`).
    lengths: of the rows, where the model is called with them beside the inputs. Lengths inside a tuple or dict are
             known by a name with "length" in it, or as whole numbers, one a row, the longest being that of the rows.
    width:   features of a step, by which a single row without a dimension of rows is known.
    probe:   whether to call the model, to learn where its prediction is and what it takes.
    Raises SettingsError for inputs that are none of these or hold NaN, ShapeError for a row that there is not.
    """
    ends: Tensor | None
    packed = isinstance(inputs, PackedSequence)
    if packed:
        time, (inputs, ends) = 1, pad_packed_sequence(inputs, batch_first=True)
    else:
        inputs = as_tensors(inputs)
        ends = None if lengths is None else torch.as_tensor(lengths)
        if isinstance(inputs, Tensor) and (
            (inputs.dim() == 1)
            or (inputs.dim() == 2 and inputs.is_floating_point() and 1 < (width or 0) == inputs.shape[1])
        ):
            inputs = inputs.unsqueeze(1 - time)
    named_leaves = list(_named(inputs))
    sequences = [leaf for name, leaf in named_leaves if leaf.dim() > 1 and not name.startswith(NOT_READ)]
    if time not in (0, 1) or not sequences:
        shapes = [list(leaf.shape) for _, leaf in named_leaves]
        raise SettingsError(
            f"inputs are [time, batch, …] or [batch, time, …]; these are {shapes}, and time is {time}"
        )
    shape = sequences[0].shape[:2]
    steps, rows = shape[time], shape[1 - time]
    if not -rows <= row < rows:
        raise ShapeError(f"row is {row}, but there are {rows} rows, counted from 0")
    row = row % rows
    if probe:
        refuse_not_finite(inputs, time)
    roles = tuple(_role(name, leaf, shape, time) for name, leaf in named_leaves)
    inside = [leaf for (_, leaf), role in zip(named_leaves, roles, strict=True) if role == "lengths"]
    own_ends = inside[0] if ends is None and inside else ends
    length = steps if own_ends is None else int(own_ends[row])
    if not 0 < length <= steps:
        raise ShapeError(f"row {row} has length {length}, of {steps} steps")

    def own(leaf: Tensor, role: Role) -> Tensor:
        if role == "steps":
            return leaf.select(1 - time, row)[:length].detach()
        if role == "states":
            return leaf[:, row : row + 1].detach()
        return leaf.detach() if role == "whole" else leaf[row].detach()

    values = tuple(own(leaf, role) for (_, leaf), role in zip(named_leaves, roles, strict=True))
    model_row = ModelRow(
        model=model, inputs=inputs, values=values, roles=roles,
        names=tuple(name for name, _ in named_leaves), steps=length, time=time,
        lengths=None if packed or ends is None else ends, packed=packed, output=output,
    )  # fmt: skip
    return _with_answers(model_row) if probe else model_row


@torch.no_grad()
def _with_answers(row: ModelRow) -> ModelRow:
    """The same, knowing where the prediction is and what the model takes: from calls of it."""
    whole = torch.arange(row.steps).expand(ROWS, -1)
    result = row.call([value[whole] for value in row.over_time])
    predicted = prediction(result, ROWS, 1 - row.time, row.output)
    names = [name for name, part in parts_of(result).items() if part is predicted]
    output = row.output if isinstance(result, Tensor) else names[0]
    by_step = predicted.dim() > 1 and predicted.shape[row.time] == row.steps
    rows_fit = predicted.dim() > 0 and predicted.shape[0] == ROWS
    fields = {**vars(row), "output": output}
    try:
        if row.steps == 1:
            raise ValueError
        fewer = row.call([value[whole[:, :-1]] for value in row.over_time])
        shorter = prediction(fewer, ROWS, 1 - row.time, output)
    except (RuntimeError, ValueError, IndexError, KeyError, TypeError, AssertionError):
        return ModelRow(
            **fields | {"shortens": False, "each_step": by_step and (predicted.dim() > 2 or not rows_fit)}
        )
    shrunk = shorter.dim() == predicted.dim() and by_step and shorter.shape[row.time] == row.steps - 1
    return ModelRow(**fields | {"each_step": shrunk, "shortens": shrunk or shorter.shape == predicted.shape})


def _named(inputs: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(inputs, Mapping):
        for key, value in inputs.items():
            yield from _named(value, str(key))
    elif isinstance(inputs, tuple):
        for value in inputs:
            yield from _named(value, name)
    elif inputs is not None:
        yield name, inputs


def _role(name: str, leaf: Tensor, shape: torch.Size, time: int) -> Role:
    steps, rows = shape[time], shape[1 - time]
    if leaf.dim() > 1 and leaf.shape[:2] == shape and not name.startswith(NOT_READ):
        return "steps"
    whole_numbers = leaf.dim() == 1 and len(leaf) == rows and not leaf.is_floating_point()
    if whole_numbers and not name.startswith(NOT_READ) and ("length" in name or int(leaf.max()) == steps > 1):
        return "lengths"
    if leaf.dim() and leaf.shape[0] == rows:
        return "row"
    return "states" if leaf.dim() == 3 and leaf.shape[1] == rows else "whole"
