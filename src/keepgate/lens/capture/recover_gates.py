"""Every gate of a trained torch.nn.LSTM, GRU or RNN, from what went in and what came out: no loop over the product.

The outputs are the states that the recurrent weights were multiplied with, so that one product over all steps gives
what every gate was computed from; a memory follows by an elementwise scan, never from its output: atanh(h / o) is
off by 1e-4 in float32. The layers below the last show no outputs: they are run again.
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
from ...nn.input_format import BatchLayout, Hidden
from ...nn.stack import run_stack
from ...nn.trace import LayerTrace, Trace, layer_trace
from ..memory.additive import scan
from .layer_run import LayerRun, as_keepgate_layer, as_tuple, in_callers_order, refuse_dropout

Output = Tensor | PackedSequence


@torch.no_grad()
def recover(module: nn.RNNBase, input: Output, hx: Hidden | None, output: Output, final: Hidden) -> LayerRun:
    """The gates and states of one call of a torch layer, `output, final = module(input, hx)`; nothing is replaced.

    The result's rows are in the caller's order, also where it packed them sorted; time is first, and what lies beyond
    a row's length is zero. The last layer is recovered from the outputs given, those below it from a run of their own.
    Raises SettingsError in training mode with dropout between layers, since what was dropped cannot be seen from
    outside, and where the states recovered are not those that the layer gave.
    """
    refuse_dropout(module)
    layer = as_keepgate_layer(module)
    weight = layer.weights_at(0).weight_ih
    given, shown = in_callers_order(input, module), in_callers_order(output, module)
    # What autocast had computed in fewer bits is recovered from the results in all of the weights' own.
    # Copies, for the model may change its own tensors in place afterwards.
    x, last = given.x.to(weight.dtype, copy=True), shown.x.to(weight.dtype, copy=True)
    with torch.autocast(weight.device.type, enabled=False):
        states = _states(hx, given, layer.calls(x), weight.dtype)
        parts = _layers(layer, x, states, given.lengths, last)
    ends = tuple((end if given.batched else end.unsqueeze(1)).detach().clone() for end in as_tuple(final))
    _check_final(module, parts[-layer.directions :], ends, shown.x.dtype)
    trace = Trace(
        output=last.to(shown.x.dtype),
        final=ends if len(ends) > 1 else ends[0],
        layers=tuple(parts),
        lengths=given.lengths,
    )
    return LayerRun(layer=layer, x=x, initial=states, lengths=given.lengths, trace=trace)


def _check_final(
    module: nn.RNNBase, parts: list[LayerTrace], final: tuple[Tensor, ...], computed_in: torch.dtype
) -> None:
    """Refuses a recovered run whose last states differ from those that the layer gave: then something else ran."""
    close = {"rtol": 1e-3, "atol": 1e-4} if computed_in.itemsize >= 4 else {"rtol": 0.05, "atol": 0.1}
    for part, place in zip(parts, range(-len(parts), 0), strict=True):
        for name, states in zip(part.cell.states, final, strict=True):
            recovered, given = last_state(part, name), states[place].to(part[name].dtype)
            if not torch.allclose(recovered, given, **close, equal_nan=True):
                raise SettingsError(
                    f"the state {name} recovered from what this {type(module).__name__} read and gave differs by "
                    f"{float((recovered - given).abs().max()):.2g} from the one that it returned: its forward, a hook "
                    "or a random weight does something else; attach a plain torch.nn or keepgate layer, with the "
                    "packing outside of it"
                )


def last_state(part: LayerTrace, name: str) -> Float[Tensor, "batch _"]:
    """A state after the last step that each row read, the initial one of a row without steps."""
    ends = part.is_real().sum(0)
    if part.reverse or not len(part[name]):
        last = part[name][0] if len(part[name]) else part.initial[name]
    else:
        last = part[name][(ends - 1).clamp(min=0), torch.arange(len(ends), device=ends.device)]
    return torch.where((ends > 0).unsqueeze(1), last, part.initial[name])


def _layers(
    layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], lengths: Tensor | None, last: Tensor
) -> list[LayerTrace]:
    """Every layer and direction: the last from its output, those below it from a run of their own."""
    parts: list[LayerTrace] = []
    outputs = last.split_with_sizes([layer.output_size] * layer.directions, -1)

    def run_place(place: int, call: Call) -> Tensor:
        depth, way = divmod(place, layer.directions)
        on_top = depth == layer.num_layers - 1
        parts.append(gates(call, outputs[way], depth) if on_top else _run_again(call, depth))
        return parts[-1][layer.cell.states[0]]

    before = list(zip(*states, strict=True))
    run_stack(layer.weights(), layer.directions, x, before, run_place, lengths=lengths, trace=True)
    return parts


def gates(call: Call, output: Float[Tensor, "time batch projected"], depth: int = 0) -> LayerTrace:
    """Every gate and state of one layer and direction, from the output of the same call.

    For cells whose gates follow from the input and the output before, and whose other states are carried by them.
    """
    cell, graph = call.cell, call.cell.graph
    first = cell.states[0]
    over_time: dict[str, Tensor] = {first: output}
    part = LayerTrace(
        layer=depth, reverse=call.reverse, cell=cell, over_time=over_time,
        initial=dict(zip(cell.states, call.states, strict=True)), lengths=call.lengths, weight_hr=call.weight_hr,
    )  # fmt: skip
    before = part.state_before(first)
    known: dict[Expr, Tensor] = {graph.previous[first]: before}
    known |= _products(call, before)
    named = {name: node for name, node in graph.traced.items() if node not in graph.next.values()}
    known |= _in_place(named.values(), known, topological(graph.next.values()))
    seen = dict(zip(named, evaluate(named.values(), known), strict=True))
    known |= {named[name]: value for name, value in seen.items()}
    padding = None if call.lengths is None else ~part.is_real().unsqueeze(2)
    for state in cell.states[1:]:
        carried = cell.additive[state]
        keep, write = evaluate([carried.keep, carried.write], known)
        if padding is not None:
            keep, write = keep.masked_fill(padding, 1), write.masked_fill(padding, 0)
        if call.reverse:
            keep, write = keep.flip(0), write.flip(0)
        found = scan(keep, write, part.initial[state])
        over_time[state] = found.flip(0) if call.reverse else found
        known[graph.next[state]] = over_time[state]
    over_time |= seen
    if padding is not None:
        over_time |= {name: value.masked_fill(padding, 0) for name, value in over_time.items()}
    return part


def _run_again(call: Call, depth: int) -> LayerTrace:
    """A layer whose outputs nobody saw: traced where a fast kernel can, else run and then recovered."""
    if next(choice.name for choice in explain(call) if choice.reason is None) != "reference":
        return layer_trace(call, run(call), depth)
    quick = Call.of(call.weights, call.x, call.states, call.lengths, None, call.reverse)
    return gates(call, run(quick).output, depth)


def _products(call: Call, before: Tensor) -> dict[Expr, Tensor]:
    """What the step is given of the input and of the output before, for all steps at once.

    Where a step only ever adds the two, their sum is all it needs, and one product after the other makes it.
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


def _in_place(named: Iterable[Expr], known: dict[Expr, Tensor], nodes: Sequence[Expr]) -> dict[Expr, Tensor]:
    """The gates that are all their sums are needed for, written over them: fresh memory costs as much as the gates."""
    readers = Counter(argument for node in nodes for argument in node.args)
    over = {"sigmoid": torch.sigmoid_, "tanh": torch.tanh_, "relu": torch.relu_}
    return {
        node: over[node.op](known[node.args[0]])
        for node in named
        if node.op in over and node.args[0] in known and readers[node.args[0]] == 1
    }


def _only_in_sums(call: Call, sums: list[Expr]) -> bool:
    graph = call.cell.graph
    reached = topological([*graph.next.values(), *graph.traced.values()], stop=sums)
    return not any(node in reached for node in (*graph.wx.values(), *graph.uh.values()))


def _states(
    hx: Hidden | None, given: BatchLayout, calls: list[Call], dtype: torch.dtype
) -> tuple[Tensor, ...]:
    if hx is None:
        return tuple(torch.stack(states) for states in zip(*(call.states for call in calls), strict=True))
    return tuple(
        (state if given.batched else state.unsqueeze(1)).detach().to(dtype) for state in as_tuple(hx)
    )
