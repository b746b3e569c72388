"""Emitter: ONNX nodes, one call a node, for a graph or for the body of a loop."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import ArrayLike


class Emitter:
    """Appends nodes to a list: `emit("Add", a, b)` is the value a + b.

    prefix: what values are called by, with their number; None to leave that to the graph. In a loop's body no name may
    be one of the graph around it.
    """

    def __init__(self, nodes: list[ir.Node], prefix: str | None = None) -> None:
        self.nodes, self.prefix = nodes, prefix

    def __call__(self, operator: str, *inputs: ir.Value | None, **attributes: Any) -> ir.Value:
        """The one output of a new node."""
        return self.several(operator, 1, *inputs, **attributes)[0]

    def several(
        self, operator: str, outputs: int, *inputs: ir.Value | None, **attributes: Any
    ) -> tuple[ir.Value, ...]:
        """All outputs of a new node."""
        node = ir.Node(
            "", operator, inputs, ir.convenience.convert_attributes(attributes), num_outputs=outputs
        )
        self.nodes.append(node)
        if self.prefix is not None:
            for place, value in enumerate(node.outputs):
                value.name = f"{self.prefix}{len(self.nodes)}_{place}"
        return tuple(node.outputs)

    def constant(self, numbers: ArrayLike, dtype: Any = np.int64) -> ir.Value:
        """An array of numbers, for shapes and indices whole ones."""
        return self("Constant", value=ir.tensor(np.asarray(numbers, dtype)))

    def split(self, value: ir.Value, parts: int) -> tuple[ir.Value, ...]:
        """Equal parts of the last dimension."""
        if parts == 1:
            return (value,)
        return self.several("Split", parts, value, axis=-1, num_outputs=parts)
