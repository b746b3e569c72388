"""Stepper: a layer on numpy arrays read one step at a time, for streams."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SettingsError, ShapeError

if TYPE_CHECKING:
    from .place import Place

Array = NDArray[Any]


class Stepper:
    """Reads a stream through all layers, one step a call, with the very bits of the layer run whole.

    One stepper reads one stream, or `batch` of them side by side; it is not for several threads at once.
    """

    def __init__(self, places: "Sequence[Place]", batch: int, threads: int) -> None:
        if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
            raise SettingsError(f"batch is {batch!r}; it is a count of streams, 1 or more")
        first = places[0]
        dtype = first.dtype
        self._states = tuple(np.zeros((len(places), batch, units), dtype) for units in first.states)
        between = [np.zeros((1, batch, first.input_size), dtype)]
        between += [np.zeros((1, batch, place.output_size), dtype) for place in places]
        self._runs = [
            place.prepare(
                between[k], tuple(state[k] for state in self._states), between[k + 1], threads=threads
            )
            for k, place in enumerate(places)
        ]
        into, out = between[0][0], between[-1][0]
        # By the input's shape: where it is put, and where the output is then found.
        self._forms: dict[tuple[int, ...], tuple[Array, Array]] = {into.shape: (into, out)} | (
            {into[0].shape: (into[0], out[0])} if batch == 1 else {}
        )
        self._dtype = dtype

    def step(self, x: Array) -> Array:
        """The last layer's output at the next step.

        x: [batch, input], or [input] where the batch is 1; the output likewise. It is the stepper's own memory: the
        next step writes over it, so copy what is to be kept. Raises ShapeError for another shape or dtype.
        """
        place = self._forms.get(x.shape) if isinstance(x, np.ndarray) else None
        if place is None or x.dtype != self._dtype:
            form = f"{x.dtype} of shape {list(x.shape)}" if isinstance(x, np.ndarray) else type(x).__name__
            shapes = " or ".join(str(list(shape)) for shape in self._forms)
            raise ShapeError(
                f"the step's input is {form}, expected {self._dtype} of shape {shapes}; convert it first, or make a "
                "stepper with another batch"
            )
        place[0][...] = x
        for run in self._runs:
            run()
        return place[1]

    @property
    def states(self) -> tuple[Array, ...]:
        """One [layers, batch, units] for each of the cell's states. They change with the next step."""
        return self._states

    def reset(self, states: tuple[Array, ...] | None = None) -> None:
        """Begins another stream, from these states or from zeros. Raises ShapeError for states that do not fit."""
        shapes = [state.shape for state in self._states]
        if states is not None and [np.shape(state) for state in states] != shapes:
            raise ShapeError(
                f"the states are {[np.shape(s) for s in states]}, but this stepper's are {shapes}"
            )
        for k, state in enumerate(self._states):
            state[...] = 0 if states is None else states[k]
