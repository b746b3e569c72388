"""Graph: one step of a cell as expressions, by name."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from .expr import Expr, symbol, topological


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Graph:
    """One step as expressions, by name.

    wx, uh, previous, vectors, unit_inputs: the symbols it starts from, called wx_i, uh_i, h_prev and, as declared, p_i.
    next: the new states. traced: whatever else the step names.
    """

    wx: dict[str, Expr]
    uh: dict[str, Expr]
    previous: dict[str, Expr]
    vectors: dict[str, Expr]
    unit_inputs: dict[str, Expr]
    next: dict[str, Expr]
    traced: dict[str, Expr]

    @property
    def inputs(self) -> dict[str, Expr]:
        """Every symbol that the step starts from, by the symbol's name."""
        groups = (self.wx, self.uh, self.previous, self.vectors, self.unit_inputs)
        return {str(node.name): node for group in groups for node in group.values()}

    @cached_property
    def upstream(self) -> dict[str, Expr]:
        """The gradient that reaches each new state, as a symbol: d_h, d_c."""
        return {state: symbol(f"d_{state}") for state in self.next}

    @cached_property
    def digest(self) -> str:
        """Twelve digits that differ where the equations, or the names of what they give, do."""
        results = {**self.next, **self.traced}
        places: dict[Expr, int] = {}
        lines: list[object] = [
            list(group) for group in (self.wx, self.uh, self.previous, self.vectors, self.next)
        ]
        lines += [list(self.unit_inputs)] if self.unit_inputs else []
        for node in topological(results.values()):
            places[node] = len(places)
            value = None if node.value is None else node.value.hex()
            lines.append((node.op, node.name, value, [places[argument] for argument in node.args]))
        lines.append([(name, places[node]) for name, node in results.items()])
        return hashlib.sha256(repr(lines).encode()).hexdigest()[:12]
