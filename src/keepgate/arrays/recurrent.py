"""Recurrent: layers and directions of any cell on numpy arrays, as keepgate.Recurrent is on tensors."""

import re
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import cells
from ..equations import Cell
from ..errors import SettingsError, ShapeError
from .memory import checked_lengths, thread_count
from .parameter_shapes import parameter_shapes
from .place import Place
from .stepper import Stepper
from .weight_table import WeightTable

Array = NDArray[Any]
States = Array | tuple[Array, ...]


class Recurrent:
    """A stack of recurrent layers whose weights never change. Many threads may run it at once.

    places: each layer and direction in torch's order, forward before reverse. directions: 1 or 2.
    threads: on how many the core computes one call, see `thread_count`. Calls at the same time share them.
    """

    def __init__(self, places: list[Place], *, directions: int = 1, threads: int | None = None) -> None:
        self.places, self.directions = places, directions
        self.threads = thread_count(threads)

    @classmethod
    def taken_from(
        cls,
        table: WeightTable,
        cell: Cell,
        *,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = False,
        proj_size: int = 0,
        bias: bool = True,
    ) -> Self:
        """The layers of these sizes, with the weights that a table has for them."""
        directions, places = 2 if bidirectional else 1, []
        for layer in range(num_layers):
            width = (proj_size or hidden_size) * directions if layer else input_size
            shapes = parameter_shapes(
                cell, input_size=width, hidden_size=hidden_size, proj_size=proj_size, bias=bias
            )
            for suffix in ("", "_reverse")[:directions]:
                parameters = {
                    name: table.take_stored(f"{name}_l{layer}{suffix}", *shape)
                    for name, shape in shapes.items()
                }
                places.append(Place(cell, parameters))
        return cls(places, directions=directions)

    @classmethod
    def from_state_dict(
        cls, cell: Cell | str, weights: Mapping[str, Array], *, threads: int | None = None
    ) -> Self:
        """A layer from its parameters by torch's names, as `layer.state_dict()` has them, in float32 or float64.

        cell: one of keepgate's, by name too ("lstm"), or one that keepgate.cells.register was given.
        Raises ShapeError for weights that are no layer of this cell.
        """
        cell = cells.by_name(cell) if isinstance(cell, str) else cell
        cells.check_cell(cell)
        arrays = {name: np.array(array, order="C") for name, array in weights.items()}
        if "weight_ih_l0" not in arrays or arrays["weight_ih_l0"].ndim != 2:
            raise ShapeError(
                f"there is no weight_ih_l0 [gates · hidden, input] among {', '.join(sorted(arrays)) or 'no weights'}; "
                "give a layer's own state_dict, without the name of the layer before each weight"
            )
        first = arrays["weight_ih_l0"]
        table = WeightTable(arrays, dtype=first.dtype.name)
        numbers = [int(match[1]) for name in arrays if (match := re.fullmatch(r"weight_ih_l(\d+)", name))]
        projection = arrays.get("weight_hr_l0")
        expected = WeightTable(dtype=first.dtype.name)
        sizes: dict[str, Any] = {
            "input_size": first.shape[1], "hidden_size": len(first) // len(cell.gates), "num_layers": 1 + max(numbers),
            "bidirectional": "weight_ih_l0_reverse" in arrays, "bias": "bias_ih_l0" in arrays,
            "proj_size": 0 if projection is None else len(projection),
        }  # fmt: skip
        cls.taken_from(expected, cell, **sizes)
        actual = {name: (array.shape, array.dtype.name) for name, array in arrays.items()}
        if actual != expected.forms or first.dtype.name not in ("float32", "float64"):
            wrong = sorted(
                name
                for name in actual.keys() | expected.forms
                if actual.get(name) != expected.forms.get(name)
            )
            name = wrong[0] if wrong else "weight_ih_l0"
            raise ShapeError(
                f"{name} is {actual.get(name, 'missing')}, expected {expected.forms.get(name, 'nothing of this name')} "
                f"of a {cell.name} with {sizes['num_layers']} layers, in float32 or float64"
            )
        layer = cls.taken_from(table, cell, **sizes)
        layer.threads = thread_count(threads)
        return layer

    @property
    def cell(self) -> Cell:
        """The cell of every layer."""
        return self.places[0].cell

    @property
    def input_size(self) -> int:
        """Features of the input."""
        return self.places[0].input_size

    @property
    def output_size(self) -> int:
        """Units of the output, of both directions."""
        return self.places[-1].output_size * self.directions

    def __call__(
        self, x: Array, states: States | None = None, *, lengths: Any = None, resets: Any = None
    ) -> tuple[Array, States]:
        """The output after every step and the states after the last, as keepgate.Recurrent gives them.

        x: [time, batch, input]. states: before the first step, [layers · directions, batch, units] for each of the
        cell's (one array, or a tuple of them); zeros if None. lengths: how many steps of each row are real. resets:
        [time, batch], True where a new sequence begins. Raises ShapeError for what does not fit.
        """
        initial = self._checked(x, states)
        steps, rows, _ = x.shape
        counts = None if lengths is None else checked_lengths(lengths, steps, rows)
        begins = None if resets is None else self._checked_resets(resets, steps, rows)
        output, final = x, []
        for first in range(0, len(self.places), self.directions):
            results = [
                self.places[place].run(
                    output, initial[place], counts, begins, reverse=place > first, threads=self.threads
                )
                for place in range(first, first + self.directions)
            ]
            final += [after for _, after in results]
            output = results[0][0] if self.directions == 1 else np.concatenate([o for o, _ in results], -1)
        stacked = tuple(np.stack(parts) for parts in zip(*final, strict=True))
        return output, stacked if len(stacked) > 1 else stacked[0]

    def stepper(self, batch: int = 1) -> Stepper:
        """The same layers for streams: one step a call, the states inside.

        Raises SettingsError for a bidirectional layer, whose other direction starts at a stream's end.
        """
        if self.directions > 1:
            raise SettingsError(
                "a stepper reads a stream forwards, and this layer's other direction starts at the end, which a stream "
                "does not have; call it on whole pieces, or train one with bidirectional=False"
            )
        return Stepper(self.places, batch, self.threads)

    def _checked(self, x: Array, states: States | None) -> list[tuple[Array, ...]]:
        """The initial states of each place."""
        first = self.places[0]
        dtype = first.dtype
        if not isinstance(x, np.ndarray) or x.ndim != 3 or x.shape[2] != first.input_size or x.dtype != dtype:
            form = f"{x.dtype} of shape {list(x.shape)}" if isinstance(x, np.ndarray) else type(x).__name__
            raise ShapeError(
                f"the input is {form}, expected {dtype} of shape [time, batch, {first.input_size}]; convert it first"
            )
        shapes = [(len(self.places), x.shape[1], units) for units in first.states]
        if states is None:
            return [tuple(np.zeros(shape[1:], dtype) for shape in shapes)] * len(self.places)
        given_states = states if isinstance(states, tuple) else (states,)
        actual = [(np.shape(state), getattr(state, "dtype", None)) for state in given_states]
        if actual != [(shape, dtype) for shape in shapes]:
            raise ShapeError(
                f"the states are {actual}, expected {dtype} of {shapes}: one [layers · directions, batch, units] for "
                f"each of {', '.join(self.cell.states)}"
            )
        return list(zip(*given_states, strict=True))

    @staticmethod
    def _checked_resets(resets: Any, steps: int, rows: int) -> NDArray[np.uint8]:
        begins = np.ascontiguousarray(resets, bool)
        if begins.shape != (steps, rows):
            raise ShapeError(f"resets are {list(begins.shape)}, expected [{steps}, {rows}], [time, batch]")
        return begins.view(np.uint8)
