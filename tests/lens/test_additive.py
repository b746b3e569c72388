"""Additive updates: every state is the sum of retained writes, every write what is retained and what is forgotten."""

import pytest
import torch

from keepgate import CellError, ShapeError
from keepgate.lens.capture.layer_run import capture_layer
from keepgate.lens.memory.additive import (
    forgotten_at,
    forgotten_from,
    initial_retained,
    linear_recurrence,
    memory_updates,
    retained_at,
    retained_from,
)
from keepgate.nn import LSTM, RNN
from tests.lens.by_hand import ONE_GATE
from tests.lens.networks import CARRYING, LENGTHS, ROWS, STEPS, network, runs, states
from tests.oracles import agrees

KINDS = [*((cell, False) for cell in CARRYING), (next(c for c in CARRYING if c.name == "lstm"), True)]
every_kind = pytest.mark.parametrize(
    ("cell", "projected"), KINDS, ids=lambda v: getattr(v, "name", "projected" if v else "")
)


def states_after(updates):
    keep, write = updates.reading_order(updates.keep), updates.reading_order(updates.write)
    return updates.reading_order(linear_recurrence(keep, write, updates.initial))


def parts(cell, projected):
    for seen in runs(cell, projected=projected):
        for part in seen.trace.layers:
            for state in cell.additive:
                yield part, memory_updates(part, state)


@every_kind
def test_what_was_kept_and_written_is_the_state(cell, projected):
    for part, writes in parts(cell, projected):
        real = part.is_real().unsqueeze(2)
        agrees(states_after(writes).masked_fill(~real, 0), part[writes.state])


@every_kind
def test_a_closed_gate_keeps_as_much_as_ever_or_all_where_it_is_the_one_that_keeps(cell, projected):
    one_gate = cell.name in ONE_GATE
    for part, writes in parts(cell, projected):
        cleared = part.was_cleared().unsqueeze(2)
        whole = torch.ones_like(writes.keep).masked_fill(cleared, 0)
        agrees(writes.keep_without_write, whole if one_gate else writes.keep)


@every_kind
def test_what_is_left_of_all_writes_is_the_state_after_every_step(cell, projected):
    for _, writes in parts(cell, projected):
        after = states_after(writes)
        for step in range(STEPS):
            total = (retained_at(writes, step) * writes.write).sum(0) + initial_retained(
                writes, step
            ) * writes.initial
            agrees(total, after[step])
        end = 0 if writes.reverse else STEPS - 1
        agrees(retained_at(writes), retained_at(writes, end))


@every_kind
def test_what_was_erased_and_what_is_left_make_the_write(cell, projected):
    for _, writes in parts(cell, projected):
        left = retained_at(writes)
        for step in range(STEPS):
            agrees(forgotten_from(writes, step).sum(0) + left[step] * writes.write[step], writes.write[step])


@every_kind
def test_who_erased_it_is_the_same_asked_of_the_write_and_of_the_eraser(cell, projected):
    for _, writes in parts(cell, projected):
        by_write = torch.stack([forgotten_from(writes, step) for step in range(STEPS)])
        by_eraser = torch.stack([forgotten_at(writes, step) for step in range(STEPS)], 1)
        agrees(by_eraser, by_write)


def test_nothing_is_left_before_it_was_written_and_all_of_it_at_once():
    for part, writes in parts(CARRYING[0], False):
        order = range(STEPS - 1, -1, -1) if part.reverse else range(STEPS)
        for number, step in enumerate(order):
            left = retained_from(writes, step)
            assert bool((left[step] == 1).all())
            assert not any(bool(left[earlier].any()) for earlier in list(order)[:number])
            for later in list(order)[number:]:
                agrees(left[later], retained_at(writes, later)[step])


def test_the_shares_of_an_lstm_are_the_products_of_its_forget_gates():
    layer = network("lstm", 1)
    part = capture_layer(layer, torch.randn(STEPS, ROWS, 5, dtype=torch.float64)).trace.layer(0)
    writes = memory_updates(part)
    assert writes.keep is part.f
    agrees(writes.write, part.i * part.g)
    agrees(retained_at(writes)[2], part.f[3:].prod(0))


def test_a_gate_that_closes_altogether_leaves_exactly_nothing():
    part = capture_layer(
        LSTM(2, 3, dtype=torch.float64), torch.randn(5, 2, 2, dtype=torch.float64)
    ).trace.layer(0)
    part.over_time["f"] = torch.zeros(5, 2, 3, dtype=torch.float64)
    writes = memory_updates(part)
    left = retained_at(writes)
    assert bool((left[:-1] == 0).all())
    assert bool((left[-1] == 1).all())
    agrees(forgotten_from(writes, 1)[2], writes.write[1])
    assert not torch.isnan(forgotten_from(writes, 1)).any()


def test_a_memory_that_hardly_forgets_keeps_its_share_over_many_steps():
    keep = torch.full((20_000, 1, 2), 0.9999, dtype=torch.float64)
    part = capture_layer(
        LSTM(2, 2, dtype=torch.float64), torch.randn(20_000, 1, 2, dtype=torch.float64)
    ).trace.layer(0)
    part.over_time["f"] = keep
    found = float(retained_at(memory_updates(part))[0, 0, 0])
    assert found == pytest.approx(0.9999**19_999, rel=1e-11)


def test_padding_writes_nothing_and_forgets_nothing():
    for seen in list(runs("lstm"))[1:]:
        for part in seen.trace.layers:
            writes = memory_updates(part)
            for row, length in enumerate(LENGTHS):
                assert bool((writes.keep[length:, row] == 1).all())
                assert not writes.write[length:, row].any()


def test_a_plain_rnn_has_no_such_split_and_is_told_why():
    part = capture_layer(RNN(2, 3), torch.randn(4, 1, 2)).trace.layer(0)
    with pytest.raises(CellError, match=r"each step makes all of it anew; see lens\.gradient"):
        memory_updates(part)
    lstm = capture_layer(network("lstm", 1), torch.randn(4, 1, 5, dtype=torch.float64)).trace.layer(0)
    with pytest.raises(CellError, match="ask for c, which has one"):
        memory_updates(lstm, "h")
    with pytest.raises(CellError, match="no state 'm'"):
        memory_updates(lstm, "m")
    with pytest.raises(ShapeError, match="0 to 3"):
        retained_at(memory_updates(lstm), 4)


def test_states_before_the_first_step_count_too():
    layer = network("gru", 1)
    hx = states(layer)[0]
    part = capture_layer(layer, torch.randn(STEPS, ROWS, 5, dtype=torch.float64), hx).trace.layer(0)
    writes = memory_updates(part)
    agrees(initial_retained(writes) * hx[0] + (retained_at(writes) * writes.write).sum(0), part.h[-1])
