"""Place: one layer and direction of a recurrent layer, run on numpy arrays by the C++ core."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..equations import Cell
from .compiled import _core
from .core_cell import CoreCell, core_cell_or_reason, in_core_order, pack
from .loop import run_loop
from .memory import DTYPE_NUMBERS, address, address_and_strides, aligned_bytes, unit_stride
from .narrow import CORE_TYPES, NarrowMatrix

Array = NDArray[Any]
# The parameters in the order of their addresses; a cell's vectors follow.
_ORDER = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
# Where weights are packed, the core reads them nowhere else.
_NOT_READ = (0,) * len(_ORDER)


class Place:
    """A cell with its parameters, which never change. It may be run by many threads at once.

    parameters: contiguous arrays by torch's names, in the shapes of `parameter_shapes`; matrices may be stored narrow.
    states: units of each of the cell's states.
    The core's numbers are the bits that torch sees from the same core; a cell that it does not run is a loop in numpy.
    """

    def __init__(self, cell: Cell, parameters: Mapping[str, Array | NarrowMatrix]) -> None:
        self.cell, self._parameters = cell, parameters
        weight = parameters["weight_ih"]
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        if isinstance(weight, NarrowMatrix):
            self._type: int | None = CORE_TYPES[weight.weights]
        else:
            self.dtype, self._type = weight.dtype, DTYPE_NUMBERS.get(weight.dtype)
        self.input_size: int = weight.shape[1]
        self.hidden_size: int = weight.shape[0] // len(cell.gates)
        projection = parameters.get("weight_hr")
        self.output_size: int = self.hidden_size if projection is None else projection.shape[0]
        self.states = (self.output_size, *[self.hidden_size] * (len(cell.states) - 1))
        cell.check_heads(self.hidden_size)
        core = core_cell_or_reason(cell)
        self._core = core if isinstance(core, CoreCell) and self._type is not None else None

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters, those that are stored narrow widened now."""
        return {
            name: stored.widened() if isinstance(stored, NarrowMatrix) else stored
            for name, stored in self._parameters.items()
        }

    def run(
        self,
        x: Array,
        states: tuple[Array, ...],
        lengths: NDArray[np.int64] | None = None,
        resets: NDArray[np.uint8] | None = None,
        *,
        reverse: bool = False,
        threads: int = 1,
    ) -> tuple[Array, tuple[Array, ...]]:
        """Output [time, batch, units], zero beyond a row's length, and the states after each row's last step.

        x: [time, batch, input]. states: [batch, units] each. All of the parameters' dtype.
        """
        if not x.size:
            return np.zeros((*x.shape[:2], self.output_size), x.dtype), tuple(s.copy() for s in states)
        if self._core is None:
            return run_loop(self.cell, self.parameters, x, states, lengths, resets, reverse)
        output = np.empty((*x.shape[:2], self.output_size), x.dtype)
        final = tuple(np.empty(state.shape, state.dtype) for state in states)
        x, initial = unit_stride(x), [np.ascontiguousarray(state) for state in states]
        self._problem(x, initial, final, output, lengths, resets, reverse, threads).run()
        return output, final

    def prepare(
        self, x: Array, states: tuple[Array, ...], output: Array, *, threads: int
    ) -> Callable[[], None]:
        """What reads `x`, and writes `output` and the states where they are, whenever it is called."""
        if self._core is None:
            return partial(self._run_loop_in_place, x, states, output)
        run = self._problem(x, states, states, output, None, None, False, threads).run

        # The problem holds addresses only: the arrays must live as long as it does.
        def step(alive: tuple[Any, ...] = (x, states, output, self._packed)) -> None:  # noqa: ARG001
            run()

        return step

    def _problem(
        self,
        x: Array,
        initial: Any,
        final: Any,
        output: Array,
        lengths: Array | None,
        resets: Array | None,
        reverse: bool,
        threads: int,
    ) -> "_core.Forward":
        assert self._core is not None
        assert self._type is not None
        steps, rows, _ = x.shape
        return _core.Forward(
            self._core.number, self._type, self._sizes(steps, rows), threads, reverse, False,
            address_and_strides(x), (), address(lengths), address(resets),
            tuple([address(state) for state in initial]), tuple([address(state) for state in final]),
            _NOT_READ, address(self._packed), address_and_strides(output), (),
        )  # fmt: skip

    @cached_property
    def _packed(self) -> NDArray[np.uint8]:
        """The weights as the core's products read them. Two threads that ask for them first both make them."""
        assert self._core is not None
        assert self._type is not None
        kind = self._core.number, self._type, self._sizes(0, 0)
        packed = aligned_bytes(_core.packed_bytes(*kind))
        sources = {
            name: stored.for_packing() if isinstance(stored, NarrowMatrix) else stored
            for name, stored in self._parameters.items()
        }
        addresses = tuple([address(sources.get(name)) for name in (*_ORDER, *self.cell.vectors)])
        # A flat weight_hh of narrow weights is a matrix with its scales, and no diagonal.
        diagonal = sources.get("weight_hh") if self.cell.recurrent == "diagonal" else None
        pack(*kind, in_core_order(addresses, diagonal, self.hidden_size), address(packed))
        return packed

    def _sizes(self, steps: int, rows: int) -> tuple[int, int, int, int, int]:
        projected = self.output_size if "weight_hr" in self._parameters else 0
        return steps, rows, self.input_size, self.hidden_size, projected

    def _run_loop_in_place(self, x: Array, states: tuple[Array, ...], output: Array) -> None:
        result, final = run_loop(self.cell, self.parameters, x, states, None, None, False)
        output[...] = result
        for state, after in zip(states, final, strict=True):
            state[...] = after
