"""Token ablation in some layers or all, against a loop that never writes the token."""

import pytest
import torch

from keepgate import CellError, SettingsError, ShapeError
from keepgate.lens import capture_layer, read
from keepgate.lens.interventions import Site, ablate_writes
from keepgate.lens.interventions.token_ablation import ablate_tokens
from keepgate.lens.readers import leave_one_out_answers
from tests.lens.by_hand import by_hand, unwritten
from tests.lens.networks import INPUTS, LENGTHS, ROWS, STEPS, network, states
from tests.lens.networks import every_cell as every_kind
from tests.lens.readers import QUESTIONS, reader
from tests.oracles import agrees


@every_kind
def test_the_layers_that_did_not_write_are_those_of_a_loop(cell, projected):
    layer = network(cell, projected=projected)
    hx = states(layer)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x, hx if len(hx) > 1 else hx[0], lengths=LENGTHS)
    for row, steps in ((0, [0, 3, 6]), (2, [0, 3, 1])):
        length = LENGTHS[row]
        for layers, chosen in ((None, {0, 1}), ([-1], {1}), ([0], {0}), ([0, 1], {0, 1})):
            found = ablate_tokens(seen, torch.tensor(steps), layers, row=row)
            assert not found[length:].any()
            for number, here in enumerate(steps):
                below = x[:length, row]
                for depth in (0, 1):

                    def change(t, keep, write, before, here=here, depth=depth, chosen=chosen):
                        if t == here and depth in chosen:
                            return unwritten(cell, keep) * before
                        return keep * before + write

                    begin = [[state[place, row] for state in hx] for place in (2 * depth, 2 * depth + 1)]
                    ways = [by_hand(layer, 2 * depth + way, below, begin[way], change)[0] for way in (0, 1)]
                    below = torch.cat(ways, 1).detach()
                agrees(found[:length, number], below)
    dropped = ablate_writes(seen, [3], Site(rows=2)).output[:, 0]
    units = dropped.shape[1] // 2
    agrees(ablate_tokens(seen, torch.tensor([3]), [-1], row=2)[:, 0, :units], dropped[:, :units])


def test_an_answer_without_a_token_in_any_or_all_layers():
    task = reader(cell="lstm", pooling="attention", bidirectional=True, num_layers=2)
    reading = read(task, QUESTIONS[0])
    last, low, both = (
        leave_one_out_answers(reading, [0, 3], layers=layers) for layers in ((-1,), (0,), None)
    )
    assert len({answer.probability for answer in (last[0], low[0], both[0])}) == 3
    assert last == leave_one_out_answers(reading, [0, 3])
    for found, wanted in zip(both, leave_one_out_answers(reading, [0, 3], layers=(0, 1)), strict=True):
        assert found.probability == pytest.approx(wanted.probability, rel=1e-9)


def test_what_is_not_there_is_refused():
    reading = read(reader(cell="gru", pooling="last", bidirectional=False, num_layers=2), QUESTIONS[0])
    with pytest.raises(ShapeError, match="counted from 0 or from -1 back"):
        leave_one_out_answers(reading, [0], layers=[2])
    with pytest.raises(ShapeError, match="21 steps"):
        ablate_tokens(reading.layer_run, torch.tensor([21]))
    plain = read(reader(cell="rnn", pooling="last", bidirectional=False, num_layers=2), QUESTIONS[0])
    with pytest.raises(CellError, match="gradient"):
        leave_one_out_answers(plain, [0], layers=None)
    layer = network("gru")
    resets = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    seen = capture_layer(layer, torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64), resets=resets)
    with pytest.raises(SettingsError, match="resets"):
        ablate_tokens(seen, torch.tensor([1]))
