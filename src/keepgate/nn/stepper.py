"""Stepper: a layer read one step at a time, for streams. Its states are inside, and a step takes no memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ShapeError
from ..kernels import Call, prepare_call
from ..kernels.weights import Weights
from .input_format import Hidden
from .stack import run_stack

Array = TypeVar("Array", Tensor, NDArray[Any])


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A stepper's states at one time, for `restore`: one [layers, batch, units] for each of the cell's."""

    states: tuple[Tensor, ...]


class Stepper:
    """Reads a stream through all layers of a `Recurrent`, one step a call, with the very bits of the layer run whole.

    One stepper reads one stream, or `batch` of them side by side; it is not for several threads at once. Its weights
    are those that the layer had when it was made, until `refresh()`. It drops nothing between layers and has no
    gradients. `layer.stepper()` makes one.

    weights: gives the weights of each layer as they are now. states: one [layers, batch, units] for each of the cell's,
    on which the stepper then works.
    """

    def __init__(
        self,
        weights: Callable[[], list[Weights]],
        states: tuple[Tensor, ...],
        input_size: int,
    ) -> None:
        self._weights, self._states = weights, states
        layers, batch, units = states[0].shape
        new = states[0].new_zeros
        # What goes into the first layer, what comes out of it and goes into the next, … what comes out of the last.
        self._between = [new(1, batch, input_size), *[new(1, batch, units) for _ in range(layers)]]
        self.refresh()
        # By the input's shape: where it is put, and where the output is then found, for tensors and for numpy.
        self._tensors = {form[0].shape: form for form in self._forms(batch)}
        self._arrays = {tuple(i.shape): (i.numpy(), o.numpy()) for i, o in self._tensors.values()}
        self._dtype = self._between[0].numpy().dtype

    def step(self, input: Array) -> Array:
        """The last layer's output at the next step of the stream, a numpy array for one and a tensor for a tensor.

        input: [batch, input], or [input] where the batch is 1; the output is [batch, units] or [units] likewise. It
        is the stepper's own memory: the next step writes over it, so copy what is to be kept.
        Raises ShapeError for another shape or dtype.
        """
        if isinstance(input, np.ndarray):
            place = self._arrays.get(input.shape)
            if place is None or input.dtype != self._dtype:
                raise self._misfit(input)
            place[0][...] = input
            for run in self._runs:
                run()
            return place[1]
        return self._step_tensor(input)

    def _step_tensor(self, input: Tensor) -> Tensor:
        if not isinstance(input, Tensor):
            raise TypeError(f"a stepper takes a numpy array or a tensor, got {type(input).__name__}")
        place = self._tensors.get(input.shape)
        if place is None or input.dtype is not place[0].dtype or not input.is_cpu:
            raise self._misfit(input)
        place[0].copy_(input.detach())
        for run in self._runs:
            run()
        return place[1]

    @property
    def states(self) -> Hidden:
        """The states after the last step, as the layer takes them for `hx`. They change with the next step."""
        return self._states if len(self._states) > 1 else self._states[0]

    def reset(self, hx: Hidden | None = None) -> None:
        """Begins another stream, from these states, [layers, batch, units] each, or from zeros."""
        if hx is None:
            for state in self._states:
                state.zero_()
        else:
            self._begin_from((hx,) if isinstance(hx, Tensor) else tuple(hx))

    def save(self) -> Snapshot:
        """The states as they are now. It can be pickled."""
        return Snapshot(tuple(state.clone() for state in self._states))

    def restore(self, snapshot: Snapshot) -> None:
        """Goes on from where `save` was called. Raises ShapeError for a snapshot of a stepper of other sizes."""
        self._begin_from(snapshot.states)

    def refresh(self) -> None:
        """Takes the layer's weights as they are now. The states stay."""
        outputs = self._between[1:]
        self._prepared = [prepare_call(call, out) for call, out in zip(self._calls(), outputs, strict=True)]
        self._runs = [prepared.run for prepared in self._prepared]

    def _calls(self) -> list[Call]:
        calls: list[Call] = []

        def output_of(place: int, call: Call) -> Tensor:
            calls.append(call)
            return self._between[place + 1]

        states = list(zip(*self._states, strict=True))
        run_stack(self._weights(), 1, self._between[0], states, output_of)
        return calls

    def _forms(self, batch: int) -> list[tuple[Tensor, Tensor]]:
        into, out = self._between[0][0], self._between[-1][0]
        return [(into, out), (into[0], out[0])] if batch == 1 else [(into, out)]

    def _begin_from(self, states: tuple[Tensor, ...]) -> None:
        actual = [(tuple(state.shape), state.dtype) for state in states]
        expected = [(tuple(state.shape), state.dtype) for state in self._states]
        if actual != expected:
            raise ShapeError(
                f"the states given are {actual}, but this stepper's are {expected}: one [layers, batch, units] for "
                "each of the cell's; take them from a stepper of the same layer and batch"
            )
        for state, other in zip(self._states, states, strict=True):
            state.copy_(other.detach())

    def _misfit(self, input: Tensor | NDArray[Any]) -> ShapeError:
        shapes = " or ".join(str(list(shape)) for shape in self._arrays)
        where = f" on {input.device}" if isinstance(input, Tensor) else ""
        return ShapeError(
            f"the step's input is {input.dtype} of shape {list(input.shape)}{where}, expected {self._dtype} of shape "
            f"{shapes} on the CPU; convert it first, or make a stepper with another batch"
        )
