"""Analysis: what is found in a step's graph: the backward pass, what that needs, which gate retains the memory."""

from dataclasses import dataclass
from functools import cached_property

from .additive import Carry, carry, slope_of_output
from .derivative import derivative, gradients
from .expr import Expr, topological
from .graph import Graph


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Analysis:
    """Properties of one step, each found from its graph when it is first asked for."""

    graph: Graph

    @cached_property
    def backward(self) -> dict[str, Expr]:
        """The gradient of each input, by name: d_wx_i, d_uh_i, d_h_prev."""
        wrt = self.graph.inputs
        found = gradients(
            list(self.graph.next.values()), list(self.graph.upstream.values()), list(wrt.values())
        )
        return {f"d_{name}": gradient for name, gradient in zip(wrt, found, strict=True)}

    @cached_property
    def reads_output(self) -> bool:
        """Whether the step uses the output before it for itself, beside what the recurrent weights make of it."""
        output = next(iter(self.graph.previous.values()))
        results = [*self.graph.next.values(), *self.graph.traced.values()]
        made = (node for node in topological(results) if node.op != "product")
        return output in results or any(output in node.args for node in made)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The names of all that backward reads beside the upstream gradients: as few raw inputs as the named
        values leave necessary, and of the named values only those that are used."""
        previous = {str(node.name): node for node in self.graph.previous.values()}
        named = {**self.graph.vectors, **previous, **self.graph.next, **self.graph.traced}
        name_of = {node: name for name, node in reversed(named.items())}
        below = topological(self.backward.values(), stop=name_of.keys())
        used = {name_of.get(node, node.name) for node in below if node in name_of or node.op == "symbol"}
        return tuple(n for n in {**named, **self.graph.inputs} if n in used)

    @cached_property
    def saved(self) -> dict[str, Expr]:
        """What a forward step stores for backward beside the states: the traced values, since a trace shows
        them anyway, and any raw input that backward still needs (for the GRU uh_n). Found, not listed."""
        states = {*self.graph.next.values(), *self.graph.previous.values()}
        traced = {name: node for name, node in self.graph.traced.items() if node not in states}
        raw = {name: node for name, node in self.graph.inputs.items() if name in self.reads}
        there = {*states, *traced.values(), *self.graph.vectors.values()}
        return {**traced, **{name: node for name, node in raw.items() if node not in there}}

    @cached_property
    def carried(self) -> dict[str, Carry]:
        """The states that are carried from step to step by a factor, s_t = a s_{t-1} + b, and by what."""
        found = {state: carry(self.graph, self.gates, state) for state in self.graph.next}
        return {state: one for state, one in found.items() if one is not None}

    @cached_property
    def slopes(self) -> dict[str, Expr]:
        """For each state that the output vanishes with: how the output begins to grow with it."""
        found = {state: slope_of_output(self.graph, state) for state in self.graph.next}
        return {state: one for state, one in found.items() if one is not None}

    @cached_property
    def gates(self) -> dict[Expr, str]:
        """The traced values that lie between 0 and 1 whatever the inputs, and their names."""
        return {node: name for name, node in reversed(self.graph.traced.items()) if is_gate(node)}

    @cached_property
    def _survival(self) -> dict[str, Expr]:
        """How much of each state is carried to the next step directly: d(next)/d(previous) with uh and the
        traced gates held fixed."""
        return {
            k: derivative(self.graph.next[k], self.graph.previous[k], held=self.gates)
            for k in self.graph.next
        }

    @cached_property
    def memory(self) -> str:
        """The slow state: the first that a gate carries from step to step; if none does, the first state."""
        return next(
            (k for k, factor in self._survival.items() if is_gate(factor)), next(iter(self.graph.next))
        )

    @cached_property
    def keeps(self) -> str | None:
        """The traced gate that carries the memory; None if nothing does, or what does has no name (1-z)."""
        return self.gates.get(self._survival[self.memory])

    @cached_property
    def writes(self) -> str | None:
        """The traced gate that lets something new into the memory, or None (in a GRU it is 1-z)."""
        new = self.graph.next[self.memory]
        below = topological([new], stop=self.gates)
        below = [node for node in below if node is not self.graph.previous[self.memory]]
        factors = {derivative(new, node, held=self.gates) for node in below}
        names = {self.gates[node] for node in factors if node in self.gates} - {self.keeps}
        return next((name for name in self.graph.traced if name in names), None)

    @cached_property
    def linear(self) -> bool:
        """Whether the new states are linear in the old ones, so that a scan can compute all steps at once."""
        reached = topological(self.graph.next.values())
        if any(node.op == "product" or node in self.graph.uh.values() for node in reached):
            return False
        old = set(self.graph.previous.values())
        factors = [derivative(new, prev) for new in self.graph.next.values() for prev in old]
        return not any(node in old for node in topological(factors))


def is_gate(node: Expr) -> bool:
    """Whether a value lies between 0 and 1 whatever its inputs, by the forms that the literature has."""
    match node.op, node.args:
        case "sigmoid", _:
            return True
        case "sub", (one, other):
            return one.op == "const" and one.value == 1 and is_gate(other)
        case "mul", (a, b):
            return is_gate(a) and is_gate(b)
        case "div", (part, whole):  # f / (f + i), as in the minLSTM
            return whole.op == "add" and part in whole.args and all(map(is_gate, whole.args))
        case "exp", (shifted,):  # exp(a - maximum(a, b)), as in the sLSTM
            largest = shifted.args[1] if shifted.op == "sub" else shifted
            return largest.op == "maximum" and shifted.args[0] in largest.args
    return False
