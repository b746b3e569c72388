"""Write influence is the slope of the answer on the way to a step that did not write, by finite differences."""

import pytest
import torch

from keepgate import CellError, SettingsError
from keepgate.lens import capture_layer
from keepgate.lens.gradients import write_influence
from keepgate.lens.interventions.rerun import rerun_from
from keepgate.lens.memory import attribute
from keepgate.lens.memory.additive import memory_updates
from keepgate.nn import RNN
from tests.lens.by_hand import unwritten
from tests.lens.networks import INPUTS, LENGTHS, ROWS, STEPS, every_unit_by_unit_cell, network, states


@every_unit_by_unit_cell
def test_it_is_the_slope_of_the_answer_in_the_write(cell, projected):
    layer = network(cell, projected=projected)
    hx = states(layer)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x, hx if len(hx) > 1 else hx[0], lengths=LENGTHS)
    # Every output of every row counts, each by its own weight; what lies beyond a row's end is 0.
    weight = torch.randn_like(seen.trace.output) * seen.trace.layers[0].is_real().unsqueeze(2)

    def answer(output):
        return ((output * weight).tanh() * weight).sum()

    found = write_influence(seen, answer)
    steps, rows = torch.tensor([0, 3, 6, 2, 0]), torch.tensor([0, 0, 0, 2, 2])
    for place, part in enumerate(seen.trace.layers):
        writes = memory_updates(part)
        before = part.state_before(writes.state)[steps, rows]
        without = unwritten(cell, writes.keep[steps, rows]) * before
        written = writes.keep[steps, rows] * before + writes.write[steps, rows]
        answers = []
        for factor in (1 + 1e-6, 1 - 1e-6):
            output = rerun_from(seen, without + factor * (written - without), steps, rows, place).output
            w = weight[:, rows]
            answers.append(((output * w).tanh() * w).sum((0, 2)))
        slopes = (answers[0] - answers[1]) / 2e-6
        torch.testing.assert_close(found[place][steps, rows], slopes, rtol=1e-5, atol=1e-7)
        assert not found[place][~part.is_real()].any()


def test_a_memory_that_is_normalised_is_refused():
    layer = network("layer_norm_lstm", 1)
    seen = capture_layer(layer, torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64))
    with pytest.raises(CellError, match="means over the units of a row"):
        write_influence(seen, lambda output: output.sum())
    with pytest.raises(CellError, match="is not zero where its memory c is"):
        attribute(seen.trace.layer(0), torch.randn(1, layer.hidden_size, dtype=torch.float64))


def test_what_has_no_writes_or_asks_for_nothing_is_refused():
    x = torch.randn(4, 1, 2)
    with pytest.raises(CellError, match="gradient"):
        write_influence(capture_layer(RNN(2, 3), x), torch.sum)
    with pytest.raises(SettingsError, match="does not depend"):
        write_influence(capture_layer(torch.nn.GRU(2, 3), x), lambda _: torch.zeros(()))
