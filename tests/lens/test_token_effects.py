"""Token effects: the answer's drop without each token, against the network run without it; gradient saliency."""

import pytest
import torch

from keepgate import CellError, Recurrent
from keepgate.lens import read
from keepgate.lens.readers import leave_one_out_answers, saliency, token_effects
from tests.lens.readers import QUESTIONS, answered, every_kind, reader


@every_kind
def test_a_share_is_what_the_answer_loses_without_the_token(kind):
    reading = read(reader(**kind), QUESTIONS[0])
    found = token_effects(reading)
    assert sorted(one.step for one in found) == list(range(len(reading.tokens)))
    assert [one.probability_drop for one in found] == sorted(
        (one.probability_drop for one in found), reverse=True
    )
    for one in found:
        assert one.token == reading.tokens.texts[one.step]
        output = passed_by(reading, one.step)
        (alone,), left = reading.head.answers(output), float(reading.head.probabilities(output))
        assert one.without.text == alone.text
        assert one.probability_drop == pytest.approx(
            1 - left / reading.answer.probability, rel=1e-5, abs=1e-6
        )


def passed_by(reading, step):
    """The output for the text without a step, in whose place each direction shows what it knew when it passed it by."""
    seen = reading.layer_run
    kept = [other for other in range(len(seen.x)) if other != step]
    output = torch.zeros_like(seen.trace.output)
    output[kept] = seen.layer(seen.x[kept])[0].detach()
    units = seen.layer.output_size
    if step:
        output[step, :, :units] = output[step - 1, :, :units]
    if seen.layer.bidirectional and step + 1 < len(seen.x):
        output[step, :, units:] = output[step + 1, :, units:]
    return output


def test_of_a_long_text_those_with_the_most_influence_are_tried(monkeypatch):
    reading = read(reader(cell="gru", pooling="last", bidirectional=False), QUESTIONS[0])
    every = token_effects(reading)
    monkeypatch.setattr("keepgate.lens.readers.leave_one_out.MAX_ABLATIONS", 5)
    some = token_effects(reading)
    assert len(some) == 5
    drops = {one.step: one.probability_drop for one in every}
    assert {one.step: one.probability_drop for one in some} == pytest.approx(
        {one.step: drops[one.step] for one in some}, rel=1e-9, abs=1e-12
    )
    assert max(every, key=lambda one: abs(one.probability_drop)).step in {one.step for one in some}
    assert [one.step for one in token_effects(reading, [3])] == [3]


@pytest.mark.parametrize("cell", ["rnn", "gru"])
@pytest.mark.parametrize("both", [False, True])
def test_the_sensitivity_is_the_slope_of_the_margin_by_the_state(cell, both):
    """Against finite differences: the state after a token is moved in the true network, which reads on from there."""
    task = reader(cell=cell, pooling="attention", bidirectional=both)
    reading = read(task, QUESTIONS[0])
    found, layer, x = saliency(reading), task.encoder.layer, reading.layer_run.x
    k, here, ways = task.choices.index(reading.answer.text), 4, 1 + both
    total = 0.0
    for way in range(ways):
        slopes = []
        for unit in range(5):
            margins = []
            for change in (1e-6, -1e-6):
                output = reading.trace.output.clone()
                part = slice(way * 5, way * 5 + 5)
                moved = output[here, 0, part].clone()
                moved[unit] += change
                output[here, 0, part] = moved
                after = x[:here].flip(0) if way else x[here + 1 :]
                states = moved.view(1, 1, 5).repeat(ways, 1, 1)
                one = Recurrent(layer.cell, 4, 5).double()
                names = [name for name, _ in one.named_parameters()]
                one.load_state_dict({n: getattr(layer, n + "_reverse" * way) for n in names})
                rest = one(after, states[:1])[0].detach()[:, 0]
                places = list(range(here - 1, -1, -1)) if way else list(range(here + 1, len(x)))
                output[places, 0, part] = rest
                margins.append(answered(task, output, k))
            slopes.append((margins[0] - margins[1]) / 2e-6)
        total += float(torch.tensor(slopes).norm()) ** 2
    assert float(found[here]) == pytest.approx(total**0.5, rel=1e-4)


def test_a_plain_rnn_has_no_writes_to_leave_out_but_tokens():
    reading = read(reader(cell="rnn", pooling="last", bidirectional=False), QUESTIONS[0])
    with pytest.raises(CellError, match="gradient"):
        leave_one_out_answers(reading, [0])
    (effect,) = token_effects(reading, [2])
    assert effect.without == reading.head.answers(passed_by(reading, 2))[0]
