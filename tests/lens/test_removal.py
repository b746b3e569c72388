"""A token taken out whole, against the network really run on the row without that step."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from keepgate import SettingsError, ShapeError
from keepgate.lens import attach, capture_layer
from keepgate.lens.interventions import patched, remove_spans, remove_tokens
from keepgate.nn import RNN
from tests.lens.networks import ALL, INPUTS, LENGTHS, ROWS, STEPS, network, runs, states
from tests.oracles import agrees

SPANS = [(0, 1), (3, 4), (6, 7), (0, 1), (3, 4), (1, 3), (0, 4), (2, 7)]
OF_ROWS = [0, 0, 0, 2, 2, 0, 2, 0]


@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("cell", ALL, ids=lambda cell: cell.name)
def test_without_a_token_is_the_network_run_on_the_row_without_it(cell, bidirectional):
    layer = network(cell, bidirectional=bidirectional)
    hx = states(layer)
    x = torch.randn(STEPS, ROWS, INPUTS, dtype=torch.float64)
    seen = capture_layer(layer, x, hx if len(hx) > 1 else hx[0], lengths=LENGTHS)
    found = remove_spans(seen, SPANS, OF_ROWS)
    for number, ((start, end), row) in enumerate(zip(SPANS, OF_ROWS, strict=True)):
        kept = [step for step in range(LENGTHS[row]) if not start <= step < end]
        before = tuple(state[:, row : row + 1] for state in hx)
        if kept:
            output, final = layer(x[kept, row : row + 1], before if len(hx) > 1 else before[0])
        else:
            output, final = x.new_zeros(0, 1, 1), before
        agrees(found.output[kept, number], output[:, 0]) if kept else None
        for ours, theirs in zip(found.final, final if isinstance(final, tuple) else (final,), strict=True):
            agrees(ours[:, number], theirs[:, 0])
        # The step itself shows what each direction knew when it passed it by.
        units = layer.output_size
        forwards = found.output[start - 1, number, :units] if start else hx[0][-layer.directions, row]
        for step in range(start, end):
            agrees(found.output[step, number, :units], forwards)
            if bidirectional:
                last = end == LENGTHS[row]
                agrees(
                    found.output[step, number, units:],
                    hx[0][-1, row] if last else found.output[end, number, units:],
                )
        assert not found.output[LENGTHS[row] :, number].any()


def test_a_projected_layer_and_rows_without_lengths():
    layer = network("lstm", projected=True)
    x = torch.randn(STEPS, 1, INPUTS, dtype=torch.float64)
    found = remove_tokens(capture_layer(layer, x), range(STEPS))
    for step in range(STEPS):
        kept = [other for other in range(STEPS) if other != step]
        output, final = layer(x[kept])
        agrees(found.output[kept, step], output[:, 0])
        agrees(found.final[1][:, step], final[1][:, 0])
        agrees(found.last_output()[step][:3], output[-1, 0, :3])


class PackedMaximum(nn.Module):
    """A user's classifier over packed rows: the largest of the states, and the last ones."""

    def __init__(self):
        super().__init__()
        self.layer = nn.GRU(INPUTS, 4, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, h = self.layer(packed)
        output, _ = pad_packed_sequence(output, batch_first=True, padding_value=-9.0)
        return self.head(output.amax(1) + torch.cat([h[-2], h[-1]], 1))


def test_a_users_model_answers_as_for_the_row_without_the_token():
    model, lengths = PackedMaximum().double(), [5, 7, 6]
    x = torch.randn(3, STEPS, INPUTS, dtype=torch.float64)
    with torch.no_grad():
        with attach(model) as seen:
            model(x, lengths)
        steps, rows = [1, 3, 3, 5, 2], [0, 0, 1, 1, 2]  # inside, where what passes by changes no maximum
        with patched(model.layer, remove_tokens(seen["layer"], steps, rows)):
            answers = model(x[rows], [lengths[row] for row in rows])
        for answer, step, row in zip(answers, steps, rows, strict=True):
            kept = [other for other in range(lengths[row]) if other != step]
            agrees(answer, model(x[row : row + 1, kept], [len(kept)])[0])


def test_what_cannot_be_removed_is_refused():
    layer = RNN(INPUTS, 4, dtype=torch.float64)
    seen = capture_layer(layer, torch.randn(STEPS, 2, INPUTS, dtype=torch.float64), lengths=[7, 3])
    with pytest.raises(ShapeError, match="step 3 is not one of row 1's 3 steps"):
        remove_tokens(seen, [3], 1)
    with pytest.raises(ShapeError, match="end after it starts"):
        remove_spans(seen, [(2, 2)])
    with_resets = list(runs("lstm"))[-1]
    with pytest.raises(SettingsError, match="resets"):
        remove_tokens(with_resets, [0])
    assert remove_tokens(seen, []).variants == 0
