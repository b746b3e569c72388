"""Direct shares sum to the answer, exactly, and are those of LRP."""

import pytest
import torch

from keepgate import CellError, ShapeError
from keepgate.equations import Named, Step, cell, sigmoid, tanh
from keepgate.lens.capture.layer_run import capture_layer
from keepgate.lens.memory.direct_shares import attribute, attribute_last, output_ratio
from keepgate.nn import LSTM, RNN, Recurrent
from tests.lens.networks import ROWS, STEPS, every_unit_by_unit_cell, network, runs
from tests.oracles import agrees


@every_unit_by_unit_cell
def test_the_shares_sum_to_the_answer(cell, projected):
    for seen in runs(cell, projected=projected):
        for part in seen.trace.layers:
            output = part[cell.states[0]]
            directions = torch.randn(2, output.shape[2], dtype=torch.float64)
            for attention in (None, torch.rand(STEPS, ROWS, dtype=torch.float64)):
                shares = attribute(part, directions, attention=attention)
                agrees(shares.sum, shares.total)
                assert float((shares.missing / shares.total.abs().clamp(min=1)).abs().max()) < 1e-12
                alone = attribute(part, directions[1:], attention=attention)
                agrees(alone.writes[:, :, 0], shares.writes[:, :, 1])
            ends = seen.lengths if seen.lengths is not None else torch.full((ROWS,), STEPS)
            for row, end in enumerate(ends.tolist()):
                if end:
                    read = output[0 if part.reverse else end - 1, row]
                    agrees(attribute(part, directions).total[row], directions @ read)


@every_unit_by_unit_cell
def test_both_directions_together_make_the_answer(cell, projected):
    for seen in list(runs(cell, projected=projected))[:1]:
        directions = torch.randn(3, seen.trace.output.shape[2], dtype=torch.float64)
        units = directions.shape[1] // 2
        last = torch.cat([seen.trace.output[-1, :, :units], seen.trace.output[0, :, units:]], 1)
        shares = attribute_last(seen.trace, directions)
        agrees(shares.total, last @ directions.T)
        agrees(shares.sum, shares.total)
        weights = torch.rand(STEPS, ROWS, dtype=torch.float64).softmax(0)
        read = torch.einsum("tb,tbp->bp", weights, seen.trace.output)
        agrees(attribute_last(seen.trace, directions, attention=weights).sum, read @ directions.T)


def test_an_lstms_shares_are_the_formula():
    layer = network("lstm", 1)
    part = capture_layer(layer, torch.randn(STEPS, ROWS, 5, dtype=torch.float64)).trace.layer(0)
    direction = torch.randn(1, 4, dtype=torch.float64)
    left = part.f.flip(0).cumprod(0).flip(0)[1:]
    left = torch.cat([left, torch.ones_like(left[:1])])
    expected = direction[0] * part.o[-1] * part.c[-1].tanh() / part.c[-1] * left * part.i * part.g
    agrees(attribute(part, direction).writes[:, :, 0], expected.sum(2))


def lrp_all(part, direction):
    """Arras et al. (2019), arXiv:1909.12114, step by step: all relevance through the cell, by shares of the sum."""
    relevance = direction * part.h[-1]
    found = []
    for t in reversed(range(STEPS)):
        found.append(relevance * part.i[t] * part.g[t] / part.c[t])
        before = part.c[t - 1] if t else torch.zeros_like(part.c[0])
        relevance = relevance * part.f[t] * before / part.c[t]
    return torch.stack(found[::-1]).sum(2)


def test_an_lstms_shares_are_what_lrp_finds():
    part = capture_layer(network("lstm", 1), torch.randn(STEPS, ROWS, 5, dtype=torch.float64)).trace.layer(0)
    direction = torch.randn(4, dtype=torch.float64)
    agrees(attribute(part, direction[None]).writes[:, :, 0], lrp_all(part, direction), "gradient")


def test_a_directions_of_its_own_for_each_row():
    part = capture_layer(network("gru", 1), torch.randn(STEPS, ROWS, 5, dtype=torch.float64)).trace.layer(0)
    directions = torch.randn(ROWS, 2, 4, dtype=torch.float64)
    found = attribute(part, directions)
    for row in range(ROWS):
        agrees(found.writes[:, row], attribute(part, directions[row]).writes[:, row])
    agrees(found.sum, found.total)


def test_an_empty_memory_shows_its_slope():
    layer = LSTM(2, 3, dtype=torch.float64)
    with torch.no_grad():
        layer.weight_ih_l0.zero_()
        layer.weight_hh_l0.zero_()
        layer.bias_ih_l0.zero_()
        layer.bias_hh_l0.zero_()  # the candidate is 0, and so is the memory
    part = capture_layer(layer, torch.randn(4, 1, 2, dtype=torch.float64)).trace.layer(0)
    assert not part.c.any()
    agrees(output_ratio(part), part.o)
    assert attribute(part, torch.ones(1, 3, dtype=torch.float64)).sum.tolist() == [[0.0]]


@cell(gates="f g", states="h c")
def shifted(wx: Named, uh: Named, s: Named) -> Step:
    f = sigmoid(wx.f + uh.f)
    c = f * s.c + tanh(wx.g + uh.g)
    return Step(h=tanh(c) + f, c=c, f=f)


def test_what_has_no_exact_split_is_refused():
    x = torch.randn(4, 2, 2)
    with pytest.raises(CellError, match="gradient"):
        attribute(capture_layer(RNN(2, 3), x).trace.layer(0), torch.ones(1, 3))
    with pytest.raises(CellError, match="not zero where its memory c is"):
        attribute(capture_layer(Recurrent(shifted, 2, 3), x).trace.layer(0), torch.ones(1, 3))
    part = capture_layer(LSTM(2, 3), x).trace.layer(0)
    with pytest.raises(ShapeError, match=r"\[answers, 3\]"):
        attribute(part, torch.ones(1, 4))
    with pytest.raises(ShapeError, match="time, batch"):
        attribute(part, torch.ones(1, 3), attention=torch.ones(4, 1))
    with pytest.raises(ShapeError, match="both directions have 6"):
        attribute_last(capture_layer(LSTM(2, 3, bidirectional=True), x).trace, torch.ones(1, 3))
