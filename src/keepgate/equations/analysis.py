"""Static analysis of a step's graph: its backward pass, the tensors to save for it, gates and memory."""

from dataclasses import dataclass
from functools import cached_property

from .additive import AdditiveUpdate, additive_update, output_slope
from .derivative import derivative, gradients
from .expr import Expr, topological
from .gates import GateBias, gate_biases, is_gate
from .graph import Graph


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Analysis:
    """Properties of one step, each derived from its graph on first use."""

    graph: Graph

    @cached_property
    def backward(self) -> dict[str, Expr]:
        """The backward pass: the gradient of each input as an expression, by name: d_wx_i, d_uh_i, d_h_prev."""
        graph, wrt = self.graph, self.graph.inputs
        by_input = gradients(list(graph.next.values()), list(graph.upstream.values()), list(wrt.values()))
        return {f"d_{name}": gradient for name, gradient in zip(wrt, by_input, strict=True)}

    @cached_property
    def reads_output(self) -> bool:
        """Whether the step reads h_{t-1} elementwise (in a GRU z * s.h), beside the product uh."""
        output = next(iter(self.graph.previous.values()))
        results = [*self.graph.next.values(), *self.graph.traced.values()]
        elementwise = (node for node in topological(results) if node.op != "product")
        return output in results or any(output in node.args for node in elementwise)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Names of the values that the backward pass reads, upstream gradients aside: named values, and raw inputs only
        where no named value can replace them."""
        previous = {str(node.name): node for node in self.graph.previous.values()}
        nodes = {**self.graph.vectors, **previous, **self.graph.next, **self.graph.traced}
        name_of = {node: name for name, node in reversed(nodes.items())}
        below = topological(self.backward.values(), stop=name_of.keys())
        used = {name_of.get(node, node.name) for node in below if node in name_of or node.op == "symbol"}
        return tuple(n for n in {**nodes, **self.graph.inputs} if n in used)

    @cached_property
    def saved(self) -> dict[str, Expr]:
        """The values saved for backward beside the states: the traced ones, which a trace shows anyway, and sums that
        the backward pass still reads (for the GRU uh_n)."""
        states = {*self.graph.next.values(), *self.graph.previous.values()}
        traced = {name: node for name, node in self.graph.traced.items() if node not in states}
        raw = {name: node for name, node in self.graph.inputs.items() if name in self.reads}
        per_unit = {*self.graph.vectors.values(), *self.graph.unit_inputs.values()}
        available = {*states, *traced.values(), *per_unit}
        return {**traced, **{name: node for name, node in raw.items() if node not in available}}

    @cached_property
    def additive(self) -> dict[str, AdditiveUpdate]:
        """The states with an additive update, s_t = keep · s_{t-1} + write, and its terms."""
        updates = {state: additive_update(self.graph, self.gates, state) for state in self.graph.next}
        return {state: update for state, update in updates.items() if update is not None}

    @cached_property
    def output_slopes(self) -> dict[str, Expr]:
        """∂output/∂state at state = 0, for each state that the output vanishes with."""
        slopes = {state: output_slope(self.graph, state) for state in self.graph.next}
        return {state: slope for state, slope in slopes.items() if slope is not None}

    @cached_property
    def gates(self) -> dict[Expr, str]:
        """The traced values that lie between 0 and 1 whatever the inputs, and their names."""
        return {node: name for name, node in reversed(self.graph.traced.items()) if is_gate(node)}

    @cached_property
    def _direct_factors(self) -> dict[str, Expr]:
        """∂s_t/∂s_{t-1} of each state, uh and the traced gates constant."""
        next_, previous = self.graph.next, self.graph.previous
        return {state: derivative(next_[state], previous[state], self.gates) for state in next_}

    @cached_property
    def memory_state(self) -> str:
        """The slow state: the first whose direct factor is a gate; the first state if there is none."""
        gated = (state for state, factor in self._direct_factors.items() if is_gate(factor))
        return next(gated, next(iter(self.graph.next)))

    @cached_property
    def retain_gate(self) -> str | None:
        """The traced gate that is the memory's direct factor; None if none is, or if it has no name (1 - z)."""
        return self.gates.get(self._direct_factors[self.memory_state])

    @cached_property
    def input_gate(self) -> str | None:
        """The traced gate that scales what is written to the memory; None if none does (in a GRU it is 1 - z)."""
        new = self.graph.next[self.memory_state]
        below = topological([new], stop=self.gates)
        below = [node for node in below if node is not self.graph.previous[self.memory_state]]
        factors = {derivative(new, node, constants=self.gates) for node in below}
        names = {self.gates[node] for node in factors if node in self.gates} - {self.retain_gate}
        return next((name for name in self.graph.traced if name in names), None)

    @cached_property
    def retain_bias(self) -> tuple[GateBias, ...] | None:
        """The biases that set how much memory is retained, that of the gate's own block first: in an LSTM f's, in a
        minGRU z's, where 1 - z retains, in a minLSTM f's and i's. None if no bias does."""
        return gate_biases(self.graph, self._direct_factors[self.memory_state])

    @cached_property
    def retain_block(self) -> tuple[str, int] | None:
        """The retain gate's own block, else that of `retain_bias`, with the sign of its effect; None without either."""
        if self.retain_gate in self.graph.wx:
            return self.retain_gate, 1
        own = next(iter(self.retain_bias or ()), None)
        return (own.name, own.sign) if own and own.name in self.graph.wx else None

    @cached_property
    def input_bias(self) -> tuple[GateBias, ...] | None:
        """The same for the input gate; None if `retain_bias` sets it already, as in a GRU."""
        if self.input_gate is None or self.retain_bias is None:
            return None
        biases = gate_biases(self.graph, self.graph.traced[self.input_gate]) or ()
        shared = {bias.name for bias in biases} & {bias.name for bias in self.retain_bias}
        return None if shared else biases or None

    @cached_property
    def linear(self) -> bool:
        """Whether s_t is affine in s_{t-1}, so that a parallel scan can compute all steps at once."""
        nodes = topological(self.graph.next.values())
        if any(node.op == "product" or node in self.graph.uh.values() for node in nodes):
            return False
        old = set(self.graph.previous.values())
        factors = [derivative(new, prev) for new in self.graph.next.values() for prev in old]
        return not any(node in old for node in topological(factors))
