"""Gate recovery: every gate of a torch.nn.LSTM, GRU or RNN from its inputs and outputs, in one matrix product.

The outputs are the h_{t-1} that the recurrent weights multiply, so that one product over all steps gives the
pre-activations of every gate. An LSTM's c follows by the elementwise recurrence c_t = f c_{t-1} + i g, never as
atanh(h / o), which is off by 1e-4 in float32. Layers below the last, whose outputs are not returned, are run again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import PackedSequence

from ...equations import Expr, evaluate, topological
from ...errors import SettingsError
from ...kernels import Call, explain, run
from ...nn import Recurrent
from ...nn.input_format import Hidden
from ...nn.pooling import last_states
from ...nn.stack import run_stack
from ...nn.trace import LayerTrace, Trace, layer_trace
from ..memory.additive import linear_recurrence
from .layer_run import (
    LayerRun,
    as_hidden,
    as_keepgate_layer,
    as_tuple,
    batched_hidden,
    in_callers_order,
    refuse_dropout,
)

PaddedOrPacked = Tensor | PackedSequence


@torch.no_grad()
def recover_gates(
    module: nn.RNNBase, input: PaddedOrPacked, hx: Hidden | None, output: PaddedOrPacked, final: Hidden
) -> LayerRun:
    """The gates and states of one call of a torch layer, `output, final = module(input, hx)`, as a LayerRun.

    Rows are in the caller's order, also where they were packed sorted; time is first, and padding is zero.
    Raises SettingsError in training mode with dropout between layers, since the dropout masks cannot be seen from
    outside, and where the recovered final states are not those that the layer returned.
    """
    refuse_dropout(module)
    layer = as_keepgate_layer(module)
    weight = layer.weights_at(0).form
    layout, output_layout = in_callers_order(input, module), in_callers_order(output, module)
    # Cast to the weights' dtype: autocast's is narrower. Copied: the model may change its tensors in place.
    x, last_output = (form.x.to(weight.dtype, copy=True) for form in (layout, output_layout))
    states = batched_hidden(hx, layout)
    if states is not None:
        states = as_hidden(tuple(state.detach().to(weight.dtype) for state in as_tuple(states)))
    with torch.autocast(weight.device.type, enabled=False):
        parts = _layer_traces(
            layer, x, [call.states for call in layer.calls(x, states)], layout.lengths, last_output
        )
    final_states = tuple(state.detach().clone() for state in as_tuple(final))
    if not layout.batched:
        final_states = tuple(state.unsqueeze(1) for state in final_states)
    dtype, device = output_layout.x.dtype, weight.device.type
    computed = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else dtype
    _check_final(module, parts[-layer.directions :], final_states, computed)
    trace = Trace(
        output=last_output.to(dtype),
        final=as_hidden(final_states),
        layers=tuple(parts),
        lengths=layout.lengths,
    )
    return LayerRun(layer=layer, x=x, trace=trace)


def _check_final(
    module: nn.RNNBase, parts: list[LayerTrace], final: tuple[Tensor, ...], dtype: torch.dtype
) -> None:
    """Raises SettingsError if the recovered final states differ from those that the layer returned.

    dtype: in which the layer multiplied; it sets the tolerance.
    """
    close = {"rtol": 1e-3, "atol": 1e-4} if dtype.itemsize >= 4 else {"rtol": 0.05, "atol": 0.1}
    for traced_layer, place in zip(parts, range(-len(parts), 0), strict=True):
        for name, states in zip(traced_layer.cell.states, final, strict=True):
            recovered, returned = final_state(traced_layer, name), states[place].to(traced_layer[name].dtype)
            if not torch.allclose(recovered, returned, **close, equal_nan=True):
                raise SettingsError(
                    f"the state {name} recovered from what this {type(module).__name__} read and gave differs by "
                    f"{float((recovered - returned).abs().max()):.2g} from the one that it returned: its forward, a "
                    "hook or a random weight does something else; attach a plain torch.nn or keepgate layer, with the "
                    "packing outside of it"
                )


def final_state(traced_layer: LayerTrace, name: str) -> Float[Tensor, "batch _"]:
    """A state after each row's last step in the order of reading; the initial state for a row without steps."""
    states, ends = traced_layer[name], traced_layer.is_real().sum(0)
    last = states[0] if traced_layer.reverse else last_states(states, ends, bidirectional=False)
    return torch.where((ends > 0).unsqueeze(1), last, traced_layer.initial[name])


def _layer_traces(
    layer: Recurrent,
    x: Tensor,
    initial: list[tuple[Tensor, ...]],
    lengths: Tensor | None,
    last_output: Tensor,
) -> list[LayerTrace]:
    """Traces of every layer and direction: recovered from its output for the last layer, run again for those below."""
    parts: list[LayerTrace] = []
    outputs = last_output.split_with_sizes([layer.output_size] * layer.directions, -1)

    def run_place(place: int, call: Call) -> Tensor:
        depth, direction = divmod(place, layer.directions)
        is_last = depth == layer.num_layers - 1
        parts.append(recover_place(call, outputs[direction], depth) if is_last else _run_again(call, depth))
        return parts[-1][layer.cell.states[0]]

    run_stack(layer.weights(), layer.directions, x, initial, run_place, lengths=lengths, trace=True)
    return parts


def recover_place(call: Call, output: Float[Tensor, "time batch projected"], depth: int = 0) -> LayerTrace:
    """Every gate and state of one layer and direction, from the output of the same call.

    For cells whose gates depend only on x_t and h_{t-1} (the output), and whose other states are additive.
    """
    cell, graph = call.cell, call.cell.graph
    first = cell.states[0]
    over_time: dict[str, Tensor] = {first: output}
    traced_layer = LayerTrace(
        layer=depth, reverse=call.reverse, cell=cell, over_time=over_time,
        initial=dict(zip(cell.states, call.states, strict=True)), lengths=call.lengths, weight_hr=call.weight_hr,
    )  # fmt: skip
    before = traced_layer.state_before(first)
    values: dict[Expr, Tensor] = {graph.previous[first]: before} | _preactivations(call, before)
    named = {name: node for name, node in graph.traced.items() if node not in graph.next.values()}
    values |= _activate_in_place(named.values(), values, topological(graph.next.values()))
    gates = dict(zip(named, evaluate(named.values(), values), strict=True))
    values |= {named[name]: gate for name, gate in gates.items()}
    padding = None if call.lengths is None else ~traced_layer.is_real().unsqueeze(2)
    for state in cell.states[1:]:
        update = cell.additive[state]
        keep, write = evaluate([update.keep, update.write], values)
        if padding is not None:
            keep, write = keep.masked_fill(padding, 1), write.masked_fill(padding, 0)
        if call.reverse:
            keep, write = keep.flip(0), write.flip(0)
        states = linear_recurrence(keep, write, traced_layer.initial[state])
        over_time[state] = states.flip(0) if call.reverse else states
        values[graph.next[state]] = over_time[state]
    over_time |= gates
    if padding is not None:
        over_time |= {name: value.masked_fill(padding, 0) for name, value in over_time.items()}
    return traced_layer


def _run_again(call: Call, depth: int) -> LayerTrace:
    """A layer whose outputs were not returned: traced if a fast kernel can trace, else run untraced and recovered."""
    if next(choice.name for choice in explain(call) if choice.reason is None) != "reference":
        return layer_trace(call, run(call), depth)
    untraced = Call.of(call.weights, call.x, call.states, call.lengths, None, call.reverse)
    return recover_place(call, run(untraced).output, depth)


def _preactivations(call: Call, before: Tensor) -> dict[Expr, Tensor]:
    """Pre-activations W x_t + b_ih and U h_{t-1} + b_hh of each gate, [time, batch, hidden].

    Where the equations only ever read their sum, the sum alone is computed, in one buffer. before: h_{t-1} at every t.
    """
    cell, graph = call.cell, call.cell.graph
    assert call.weight_hh is not None
    wx, uh = list(graph.wx.values()), list(graph.uh.values())
    blocks = len(cell.gates)
    sums = [a + b for a, b in zip(wx, uh, strict=True)]
    if _only_in_sums(call, sums):
        bias = None if call.bias_ih is None or call.bias_hh is None else call.bias_ih + call.bias_hh
        z = linear(call.x, call.weight_ih, bias)
        z.flatten(0, 1).addmm_(before.flatten(0, 1), call.weight_hh.T)
        return dict(zip(sums, z.chunk(blocks, -1), strict=True))
    x = linear(call.x, call.weight_ih, call.bias_ih)
    h = linear(before, call.weight_hh, call.bias_hh)
    return dict(zip((*wx, *uh), (*x.chunk(blocks, -1), *h.chunk(blocks, -1)), strict=True))


def _activate_in_place(
    named: Iterable[Expr], values: dict[Expr, Tensor], nodes: Sequence[Expr]
) -> dict[Expr, Tensor]:
    """Gates computed in place over their pre-activations, where nothing else reads these: allocating costs as much."""
    readers = Counter(argument for node in nodes for argument in node.args)
    in_place = {"sigmoid": torch.sigmoid_, "tanh": torch.tanh_, "relu": torch.relu_}
    return {
        node: in_place[node.op](values[node.args[0]])
        for node in named
        if node.op in in_place and node.args[0] in values and readers[node.args[0]] == 1
    }


def _only_in_sums(call: Call, sums: list[Expr]) -> bool:
    """Whether the equations read W x and U h only as their sum; the GRU's n = tanh(W x + r · U h) does not."""
    graph = call.cell.graph
    reached = topological([*graph.next.values(), *graph.traced.values()], stop=sums)
    return not any(node in reached for node in (*graph.wx.values(), *graph.uh.values()))
