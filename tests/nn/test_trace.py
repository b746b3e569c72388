"""A trace shows every gate and state by name, agrees with the run, is differentiable, and rebuilds the states."""

import pytest
import torch

import keepgate
from keepgate import cells
from keepgate.equations.tracing import RESERVED
from keepgate.nn import Recurrent
from keepgate.nn.trace import LayerTrace, Trace
from tests.equations.later_cells import LATER
from tests.oracles import agrees, flat, gradients, twins

NAMES = {"RNN": "h", "LSTM": "h c i f g o", "GRU": "h r z n"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lengths", [None, [4, 0, 6]])
def test_a_trace_has_the_layers_own_output_and_states(name, lengths):
    theirs, ours = twins(name, 5, 7, 2, bidirectional=True)
    x = torch.randn(6, 3, 5, dtype=torch.float64)
    trace = ours.trace(x, lengths=lengths)
    output, final = ours(x, lengths=lengths)
    agrees(trace.output, output)
    for mine, other in zip(flat(trace.final), flat(final), strict=True):
        agrees(mine, other)
    if lengths is None:
        agrees(trace.output, theirs(x)[0])
    assert len(trace.layers) == 4
    for part in trace.layers:
        assert set(part.names) == set(NAMES[name].split())
        for value in part.values():
            assert value.shape == (6, 3, 7)
    forwards, backwards = trace.layer(-1), trace.layer(1, reverse=True)
    agrees(torch.cat([forwards.h, backwards["h"]], -1), output)


def test_the_gates_of_an_lstm_are_the_textbooks():
    layer = keepgate.LSTM(2, 3).double()
    x = torch.randn(4, 1, 2, dtype=torch.float64)
    seen = layer.trace(x).layer(0)
    h = c = torch.zeros(1, 3, dtype=torch.float64)
    for t in range(4):
        raw = x[t] @ layer.weight_ih_l0.T + layer.bias_ih_l0 + h @ layer.weight_hh_l0.T + layer.bias_hh_l0
        z_i, z_f, z, z_o = raw.chunk(4, 1)
        i, f, g, o = z_i.sigmoid(), z_f.sigmoid(), z.tanh(), z_o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        for mine, other in ((seen.i, i), (seen.f, f), (seen.g, g), (seen.o, o), (seen.c, c), (seen.h, h)):
            agrees(mine[t], other)


@pytest.mark.parametrize("kernel", ["cpu", "reference"])
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("lengths", [None, [4, 0, 6]])
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_a_trace_rebuilds_the_states(name, lengths, resets, kernel):
    layer = getattr(keepgate, name)(5, 7, 2, bidirectional=True, kernel=kernel)
    x, h = torch.randn(6, 3, 5), torch.randn(4, 3, 7)
    begins = torch.zeros(6, 3, dtype=torch.bool)
    begins[2, 0] = begins[5, 2] = begins[0, 1] = True
    hx = (h, torch.randn_like(h)) if name == "LSTM" else h
    trace = layer.trace(x, hx, lengths=lengths, resets=begins if resets else None)
    for part in trace.layers:
        for state, rebuilt in part.rebuild().items():
            agrees(rebuilt, part[state])


@pytest.mark.parametrize("kernel", ["cpu", "reference"])
def test_a_projected_trace_rebuilds_too(kernel):
    layer = keepgate.LSTM(5, 8, proj_size=3, bidirectional=True, kernel=kernel)
    trace = layer.trace(torch.randn(6, 3, 5))
    assert trace.layer(0).h.shape == (6, 3, 3)
    assert trace.layer(0).c.shape == (6, 3, 8)
    for part in trace.layers:
        for state, rebuilt in part.rebuild().items():
            agrees(rebuilt, part[state])


def test_a_plain_rnn_cannot_be_rebuilt_and_says_why():
    with pytest.raises(keepgate.CellError, match="do not follow"):
        keepgate.RNN(5, 7).trace(torch.randn(3, 1, 5)).layer(0).rebuild()


def test_a_trace_is_differentiable_through_every_gate():
    layer = keepgate.LSTM(2, 3).double()
    x = torch.randn(4, 2, 2, dtype=torch.float64, requires_grad=True)
    seen = layer.trace(x).layer(0)
    for name in ("i", "f", "g", "o", "c", "h"):
        (found,) = torch.autograd.grad(seen[name][-1].sum(), x, retain_graph=True)
        assert found[0].abs().sum() > 0
    found = gradients(lambda: layer.trace(x).output, [x])
    agrees(found[0], gradients(lambda: layer(x)[0], [x])[0], "gradient")


def test_batch_first_and_unbatched_traces_are_time_first():
    layer = keepgate.GRU(5, 7, batch_first=True)
    x = torch.randn(3, 6, 5)
    assert layer.trace(x).layer(0).z.shape == (6, 3, 7)
    assert layer.trace(x[0]).layer(0).z.shape == (6, 1, 7)
    agrees(layer.trace(x).output, layer(x)[0].transpose(0, 1))


def test_names_that_are_not_there_list_those_that_are():
    trace = keepgate.GRU(5, 7).trace(torch.randn(3, 1, 5))
    with pytest.raises(KeyError, match="r, z, n"):
        trace.layer(0)["f"]
    with pytest.raises(AttributeError, match="shows"):
        trace.layer(0).f  # noqa: B018
    with pytest.raises(IndexError, match="no forward layer 3"):
        trace.layer(3)
    assert "gru" in repr(trace)
    assert dict(trace.layer(0)).keys() == {"h", "r", "z", "n"}


@pytest.mark.parametrize("cell", [*cells.CELLS, *LATER], ids=lambda cell: cell.name)
def test_any_cell_is_a_layer_with_a_trace(cell):
    layer = Recurrent(cell, 5, 4, 2, bidirectional=True)
    x = torch.rand(6, 3, 5)
    trace = layer.trace(x, lengths=[6, 2, 0])
    output, _ = layer(x, lengths=[6, 2, 0])
    agrees(trace.output, output)
    assert set(trace.layer(1, reverse=True).names) == {*cell.states, *cell.traced}
    assert output.shape == (6, 3, 8)


def test_no_name_of_a_cell_can_hide_an_attribute_of_its_trace():
    def attributes(kind):
        return {name for name in (*dir(kind), *kind.__dataclass_fields__) if not name.startswith("_")}

    assert attributes(LayerTrace) <= RESERVED
    assert RESERVED - attributes(LayerTrace) - attributes(Trace) == {"self", "uh", "wx"}
