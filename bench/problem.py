"""What is measured: the cells, the sizes, and the numbers that every contender is given."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from keepgate import Recurrent
from tests.kernels.user_cells import LITERATURE as DECLARED

CellName = Literal["LSTM", "GRU", "RNN"]
Mode = Literal["inference", "training"]

CELLS: tuple[CellName, ...] = ("LSTM", "GRU", "RNN")
MODES: tuple[Mode, ...] = ("inference", "training")
LITERATURE = {cell.name: cell for cell in DECLARED}
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


class Shape(NamedTuple):
    """Sizes of one layer, as `T,B,I,H` in the tables."""

    steps: int
    rows: int
    input: int
    hidden: int

    def __str__(self) -> str:
        return ",".join(map(str, self))

    @staticmethod
    def of(text: str) -> "Shape":
        """Reads `T,B,I,H`. Raises ValueError for anything else."""
        sizes = [int(part) for part in text.split(",")]
        if len(sizes) != 4:
            raise ValueError(f"a shape is four sizes, steps,rows,input,hidden; got {text!r}")
        return Shape(*sizes)


SHAPES = tuple(
    Shape.of(text)
    for text in (
        "100,1,64,64", "100,1,128,128", "100,1,256,256", "1000,1,128,128",
        "100,8,128,128", "100,32,64,64", "100,32,128,128", "100,32,256,256", "400,32,128,128",
        "100,64,512,512", "1000,16,64,64", "35,20,650,650",
    )
)  # fmt: skip
# One call of one step: how reinforcement learning and streams call a layer.
ONE_STEP_SHAPES = tuple(
    Shape.of(text) for text in ("1,1,64,64", "1,1,128,128", "1,1,256,256", "1,1,512,512", "1,8,128,128")
)
# Beside busy processes: rows shared out, units shared out, and many short calls.
BUSY_SHAPES = tuple(Shape.of(text) for text in ("1000,16,64,64", "100,1,256,256", "100,8,128,128"))
# Of a user's cell: from where what a step costs is seen, to where it vanishes beside the products.
USER_SHAPES = tuple(
    Shape.of(text)
    for text in (
        "100,1,32,32", "100,1,64,64", "100,1,128,128", "100,1,256,256", "100,8,128,128", "100,32,32,32",
        "100,32,64,64", "100,32,128,128", "35,20,650,650",
    )
)  # fmt: skip
# Of a cell of the literature: one row and many, few units and more.
LITERATURE_SHAPES = tuple(
    Shape.of(text) for text in ("100,1,64,64", "100,1,128,128", "100,32,64,64", "100,32,128,128")
)
# Of narrow weights: one row, where the weights' way from memory counts most.
NARROW_SHAPES = tuple(Shape(steps, 1, hidden, hidden) for steps in (1, 100) for hidden in (128, 256, 512))
# Of a variant: small, middling and large batches.
VARIANT_SHAPES = tuple(
    Shape.of(text)
    for text in ("100,1,64,64", "100,1,128,128", "100,8,128,128", "100,32,64,64", "100,32,256,256")
)
# Of a layer inside a model: a stream, small and middling batches.
WITHIN_SHAPES = tuple(
    Shape.of(text) for text in ("100,1,128,128", "100,8,128,128", "100,32,128,128", "100,32,256,256")
)
RAGGED_SHAPES = tuple(Shape.of(text) for text in ("100,8,128,128", "100,32,128,128", "400,32,128,128"))
# Of one layer of 64 units: long enough that what grows with the square of the steps can be seen.
SCALING_SHAPES = tuple(Shape(steps, 32, 64, 64) for steps in (400, 800, 1600))
MEMORY_SHAPES = tuple(
    Shape.of(text) for text in ("100,32,128,128", "400,32,128,128", "100,64,512,512", "1000,16,64,64")
)
STREAM_SIZES = (64, 128, 256)


def operations(cell: str, shape: Shape, mode: str) -> int:
    """Multiplications and additions of the matrix products alone: what the share of the ceiling counts.

    A training step has three products where inference has one: forward, the gradient of what went in, and that of
    the weights.
    """
    once = 2 * shape.steps * shape.rows * GATES[cell] * shape.hidden * (shape.input + shape.hidden)
    return once if mode == "inference" else 3 * once


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One layer of one cell with its numbers; the same for every contender, drawn in float32 whatever the dtype.

    cell: one of CELLS, or the name of one of LITERATURE.
    lengths: uniform in 1 … steps; the same shares of the steps whatever their number.
    """

    cell: str
    shape: Shape
    seed: int = 0
    dtype: torch.dtype = torch.float32

    @cached_property
    def layer(self) -> nn.Module:
        """torch.nn's layer, whose weights all the others take; of a cell that torch lacks, keepgate's."""
        torch.manual_seed(self.seed)
        sizes = self.shape.input, self.shape.hidden
        if self.cell in LITERATURE:
            return Recurrent(LITERATURE[self.cell], *sizes).to(self.dtype)
        return getattr(nn, self.cell)(*sizes).to(self.dtype)

    @property
    def weights(self) -> dict[str, Tensor]:
        return {name.removesuffix("_l0"): weight.detach() for name, weight in self.layer.named_parameters()}

    @cached_property
    def x_TBI(self) -> Tensor:  # noqa: N802
        return self._drawn(self.shape.input, 1)

    @cached_property
    def d_output_TBH(self) -> Tensor:  # noqa: N802
        """The gradient that training steps start from."""
        return self._drawn(self.shape.hidden, 2)

    @cached_property
    def lengths(self) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed + 3)
        return (torch.rand(self.shape.rows, generator=generator) * self.shape.steps).long() + 1

    @property
    def exact(self) -> "Problem":
        """The same numbers in float64."""
        return replace(self, dtype=torch.float64)

    def _drawn(self, units: int, stream: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed + stream)
        return torch.randn(self.shape.steps, self.shape.rows, units, generator=generator).to(self.dtype)
