"""Ablation, clamping and patching of a memory, against a loop that changes it as it goes."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import keepgate
from keepgate import CellError, SettingsError, ShapeError
from keepgate.lens import attach, capture_layer
from keepgate.lens.interventions import (
    Site,
    ablate_writes,
    hold_memory,
    patch_memories,
    patched,
)
from keepgate.lens.memory.direct_shares import attribute
from keepgate.nn import LSTM, RNN
from tests.lens.by_hand import ONE_GATE, by_hand, unwritten
from tests.lens.networks import CARRYING, INPUTS, LENGTHS, ROWS, STEPS, every_cell, network, states
from tests.oracles import agrees

CHANGES = {
    ablate_writes: lambda cell, keep, _, before: unwritten(cell, keep) * before,
    hold_memory: lambda _, __, write, before: before + write,
}


@every_cell
@pytest.mark.parametrize("intervene", CHANGES, ids=lambda one: one.__name__)
def test_a_changed_run_is_the_true_network_with_that_change(cell, projected, intervene):
    layer = network(cell, projected=projected)
    hx = states(layer)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x, hx if len(hx) > 1 else hx[0], lengths=LENGTHS)
    steps, rows = [0, 3, 6, 2, 0, 3], [0, 0, 0, 2, 2, 2]
    for depth in (0, 1):
        for reverse in (False, True):
            found = intervene(seen, steps, Site(layer=depth, reverse=reverse, rows=rows))
            assert found.variants == len(steps)
            for number, (step, row) in enumerate(zip(steps, rows, strict=True)):

                def change(t, keep, write, before, here=step):
                    return (
                        CHANGES[intervene](cell, keep, write, before) if t == here else keep * before + write
                    )

                output, final = expected(seen, depth, reverse, row, change)
                agrees(found.output[: len(output), number], output)
                assert not found.output[len(output) :, number].any()
                for ours, theirs in zip(found.final, final, strict=True):
                    agrees(ours[:, number], theirs)
                agrees(found.last_output()[number], torch.cat([output[-1, : output.shape[1] // 2],
                                                        output[0, output.shape[1] // 2 :]]))  # fmt: skip


def expected(seen, depth, reverse, row, change):
    read, final = seen.x[: LENGTHS[row], row], []
    for place in range(4):
        if place % 2 == 0:
            outputs = []
        changes = (place // 2, bool(place % 2)) == (depth, reverse)
        before = [state[place, row] for state in seen.initial]
        plain = lambda _, keep, write, state: keep * state + write  # noqa: E731
        output, ends = by_hand(seen.layer, place, read, before, change if changes else plain)
        outputs.append(output)
        final.append(ends)
        if place % 2:
            read = torch.cat(outputs, 1)
    return read, [torch.stack(parts) for parts in zip(*final, strict=True)]


def test_swapping_gives_each_row_the_others_memory():
    layer = LSTM(INPUTS, 4, dtype=torch.float64)
    x = torch.randn(STEPS, 2, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x)
    found = patch_memories(seen, 3, 0, 1)
    part = seen.trace.layer(0)
    for number, (mine, other) in enumerate([(0, 1), (1, 0)]):
        c = part.c[3, other]
        h = part.o[3, mine] * c.tanh()
        after, _ = layer(x[4:, mine : mine + 1], (h[None, None], c[None, None]))
        agrees(found.output[4:, number], after[:, 0])
        agrees(found.output[3, number], h)
        agrees(found.output[:3, number], part.h[:3, mine])
    agrees(patch_memories(seen, 3, 0, 0).output[:, 0], part.h[:, 0])


def test_a_plain_rnn_swaps_its_state_and_has_no_write_to_drop():
    layer = RNN(INPUTS, 4, dtype=torch.float64)
    x = torch.randn(STEPS, 2, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x)
    found = patch_memories(seen, 2, 0, 1, other_step=4)
    after, _ = layer(x[3:, :1], seen.trace.output[4:5, 1:2])
    agrees(found.output[3:, 0], after[:, 0])
    with pytest.raises(CellError, match="gradient"):
        ablate_writes(seen, [0])


class Model(nn.Module):
    """A user's own, with a layer of torch's inside, which reads the outputs and the last states too."""

    def __init__(self, kind, packs):
        super().__init__()
        self.packs = packs
        self.embedding = nn.Embedding(11, INPUTS)
        self.layer = getattr(nn, kind)(INPUTS, 4, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 3)

    def forward(self, ids, lengths):
        read = self.embedding(ids)
        if self.packs:
            read = pack_padded_sequence(read, lengths, batch_first=True, enforce_sorted=False)
        output, states = self.layer(read)
        if self.packs:
            output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        h = states[0] if isinstance(states, tuple) else states
        return self.head(output.sum(1) + torch.cat([h[-2], h[-1]], 1))


@pytest.mark.parametrize("packs", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_users_own_model_answers_from_what_was_run_again(kind, packs):
    model = Model(kind, packs).double()
    ids, lengths = torch.randint(0, 11, (3, STEPS)), [5, 7, 6]
    with torch.no_grad():
        with attach(model) as seen:
            plain = model(ids, lengths)
        run = seen["layer"]
        steps, rows = [0, 4, 6, 2, 5], [0, 0, 1, 1, 2]
        rerun = ablate_writes(run, steps, Site(layer=0, rows=rows))
        with patched(model.layer, rerun):
            answers = model(ids[rows], [lengths[row] for row in rows])
        assert not model.layer._forward_hooks
        # The same with our layer, whose outputs are put through the head by hand.
        ours = getattr(keepgate, kind)(INPUTS, 4, 2, bidirectional=True, dtype=torch.float64)
        ours.load_state_dict(model.layer.state_dict())
        again = ablate_writes(
            capture_layer(ours, model.embedding(ids).transpose(0, 1), lengths=lengths if packs else None), steps,
            Site(layer=0, rows=rows),
        )  # fmt: skip
        h = again.final[0]
        agrees(answers, model.head(again.output.sum(0) + torch.cat([h[-2], h[-1]], 1)))
        assert bool(((answers - plain[rows]).abs().amax(1) > 1e-9).all())
        with patched(model.layer, rerun), pytest.raises(ShapeError, match="one row for each variant"):
            model(ids, lengths)


def test_the_last_write_of_all_counts_for_exactly_its_share_and_what_it_erased():
    """Nothing comes after it, so that what it shows is all it does; for a GRU the sum is straight."""
    layer = keepgate.GRU(INPUTS, 4, dtype=torch.float64)
    seen = capture_layer(layer, torch.randn(STEPS, 2, INPUTS, dtype=torch.float64))
    direction = torch.randn(1, 4, dtype=torch.float64)
    part = seen.trace.layer(0)
    dropped = ablate_writes(seen, [STEPS - 1]).last_output() @ direction.T
    agrees(dropped[0], part.h[-2, 0] @ direction.T)
    share = attribute(part, direction).writes[-1, 0]
    erased = ((1 - part.z[-1, 0]) * part.h[-2, 0]) @ direction.T
    agrees((seen.trace.output[-1, 0] @ direction.T) - dropped[0], share - erased)


@pytest.mark.parametrize("cell", CARRYING, ids=lambda cell: cell.name)
def test_which_gate_writes_is_found_in_the_equations(cell):
    carried = cell.additive[cell.memory_state]
    assert (carried.keep_without_write is carried.keep) == (cell.name not in ONE_GATE)
    assert repr(carried.keep_without_write) == ("1" if cell.name in ONE_GATE else repr(carried.keep))


def test_what_cannot_be_changed_is_refused():
    layer = LSTM(INPUTS, 4, dtype=torch.float64)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x, lengths=LENGTHS)
    with pytest.raises(ShapeError, match="step 4 is not one of row 2's 4 steps"):
        ablate_writes(seen, [0, 4], Site(rows=2))
    with pytest.raises(ShapeError, match="there are 3, counted from 0"):
        ablate_writes(seen, [0], Site(rows=3))
    resets = torch.zeros(STEPS, ROWS, dtype=torch.bool)
    with pytest.raises(SettingsError, match="several sequences"):
        ablate_writes(capture_layer(layer, x, resets=resets), [0])
