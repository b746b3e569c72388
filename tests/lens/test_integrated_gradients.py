"""Integrated gradients sum to the margin, for every reader, and `missing` is by how much they do not."""

import math

import pytest
import torch

from keepgate import CellError, SettingsError, ShapeError
from keepgate.data.questions import Question
from keepgate.lens.memory.direct_shares import attribute, attribute_over_time
from keepgate.lens.readers.answer_ablation import answer_attribution, answer_influence
from keepgate.lens.readers.integrated_gradients import (
    integrate,
    token_integrated_gradients,
    write_integrated_gradients,
)
from keepgate.lens.readers.reading import read
from keepgate.tasks import SpanReader
from keepgate.tasks.span.settings import SpanReaderSettings
from tests.lens.networks import ROWS, STEPS, every_unit_by_unit_cell, runs
from tests.lens.readers import KINDS, QUESTIONS, every_kind, reader
from tests.oracles import agrees


@every_unit_by_unit_cell
def test_shares_of_outputs_that_are_read_each_in_its_own_direction_sum_to_the_answer(cell, projected):
    for seen in runs(cell, projected=projected):
        for part in seen.trace.layers:
            output = part[cell.states[0]]
            direction = torch.randn_like(output)
            shares = attribute_over_time(part, direction)
            agrees(shares.total[:, 0], (direction * output).sum((0, 2)))
            assert float((shares.missing / shares.total.abs().clamp(min=1)).abs().max()) < 1e-12
            weights, same = (
                torch.rand(STEPS, ROWS, dtype=torch.float64),
                torch.randn(output.shape[2]).double(),
            )
            agrees(
                attribute_over_time(part, weights.unsqueeze(2) * same).writes,
                attribute(part, same.unsqueeze(0), attention=weights).writes,
            )
    with pytest.raises(ShapeError, match="as the output"):
        attribute_over_time(part, direction[1:])


@every_kind
def test_the_writes_of_every_chooser_sum_to_what_speaks_for_its_choice(kind):
    reading = read(reader(**kind), QUESTIONS[0])
    for answer in (None, "索隆"):
        found = write_integrated_gradients(reading, answer)
        assert found.margin == pytest.approx(
            float(reading.head.margin(reading.trace.output.double(), answer))
        )
        assert found.completeness == pytest.approx(1, abs=1e-3)
        if kind["pooling"] == "last":
            exact = answer_attribution(reading)
            agrees(found.tokens, exact.of(answer or reading.answer.text))
            assert found.points == 8
            assert abs(found.missing) < 1e-12


@every_kind
def test_the_tokens_sum_through_all_layers(kind):
    reading = read(reader(**kind), QUESTIONS[0])
    found = token_integrated_gradients(reading)
    assert found.completeness == pytest.approx(1, abs=1e-3)
    assert found.margin == pytest.approx(float(reading.head.margin(reading.trace.output.double())))
    assert found.tokens.shape == (len(reading.tokens),)
    assert float(found.tokens.abs().min()) > 0, "every token counts"


def test_a_share_is_the_mean_slope_times_the_way():
    """Against many small steps and autograd, with nothing of ours between."""
    task = reader(cell="lstm", pooling="attention", bidirectional=True, num_layers=2)
    reading = read(task, QUESTIONS[0])
    task = task.eval()
    layer, x = task.encoder.layer, reading.layer_run.x
    asked = layer(task.encoder.inputs(task.collate(task.prepare(QUESTIONS[:1], training=False)).question))[0]
    ends = torch.cat([asked[-1, :, :5], asked[0, :, 5:]], 1).detach()
    k = task.choices.index(reading.answer.text)
    total, points = torch.zeros(len(x), dtype=torch.float64), 400
    for number in range(points):
        there = (x * (number + 0.5) / points).requires_grad_()
        output = layer(there)[0]
        seen, _ = task.attention(ends, output, torch.ones(len(x), 1, dtype=torch.bool))
        last = torch.cat([output[-1, :, :5], output[0, :, 5:]], 1)
        scores = task.readout(torch.cat([seen, ends, last], 1))[0]
        (slope,) = torch.autograd.grad(scores[k] - scores.mean(), there)
        total += (slope * x)[:, 0].sum(1) / points
    torch.testing.assert_close(
        token_integrated_gradients(reading, points=128).tokens, total, rtol=1e-3, atol=1e-5
    )


def test_too_few_points_are_said_to_be_too_few():
    reading = read(reader(cell="gru", pooling="attention", bidirectional=True, num_layers=2), QUESTIONS[0])
    rough = token_integrated_gradients(reading, points=1)
    assert rough.points == 1
    assert abs(rough.completeness - 1) > 0.01
    assert rough.missing == pytest.approx(rough.margin - rough.baseline - float(rough.tokens.sum()))
    fine = token_integrated_gradients(reading, points=200)
    assert abs(fine.completeness - 1) < 1e-9


def spans():
    text = "今天下雨了。魯夫說他想成為海賊王。索隆笑了。"
    questions = [
        Question(text=text, question="誰想成為海賊王?", answers=("魯夫",), starts=(6,)),
        Question(text=text, question="誰笑了?", answers=("索隆",), starts=(17,)),
    ]
    settings = SpanReaderSettings(
        embedding_size=8, pair_size=4, hidden_size=6, window=40, max_train_span=9, max_answer_span=5
    )
    task = SpanReader.build(questions * 3, settings, seed=0)
    with torch.no_grad():
        for name, weight in task.named_parameters():
            if "read" in name or "start" in name or "end" in name:
                weight.normal_(0, 0.4)
    return task, questions[0]


def test_a_reader_that_points_is_taken_apart_with_its_completeness():
    task, question = spans()
    reading = read(task, question)
    for answer in (None, "索隆"):
        for found in (
            write_integrated_gradients(reading, answer),
            token_integrated_gradients(reading, answer),
        ):
            # Its rectified units make kinks in the way, so that it takes more points than a smooth reader.
            assert found.completeness == pytest.approx(1, abs=0.02)
            assert found.margin == pytest.approx(
                float(reading.head.margin(reading.trace.output.double(), answer)), rel=1e-5
            )
            assert found.tokens.shape == (len(question.text),)
        assert write_integrated_gradients(reading, answer, points=512).completeness == pytest.approx(
            1, abs=1e-3
        )
        assert answer_influence(reading, answer).shape == (len(question.text),)
    with torch.no_grad():
        scores = task.eval().network(*[
            getattr(task.collate(task.prepare([question], training=False)), side) for side in ("text", "question")
        ]).span[0, :, :5]  # fmt: skip
    probability = scores.flatten().softmax(0).view_as(scores)[17, 1]
    assert write_integrated_gradients(reading, "索隆").margin == pytest.approx(
        math.log(probability / (1 - probability)), rel=1e-4
    )


def test_a_plain_rnn_has_shares_of_tokens_and_none_of_writes():
    reading = read(reader(cell="rnn", pooling="last", bidirectional=False, num_layers=2), QUESTIONS[0])
    assert token_integrated_gradients(reading).completeness == pytest.approx(1, abs=1e-3)
    with pytest.raises(CellError, match="gradient"):
        write_integrated_gradients(reading)


def test_what_cannot_be_asked_is_refused():
    reading = read(reader(**KINDS[0]), QUESTIONS[0])
    with pytest.raises(KeyError, match="魯夫"):
        token_integrated_gradients(reading, "香吉士")
    with pytest.raises(SettingsError, match="one point or more"):
        write_integrated_gradients(reading, points=0)


@pytest.mark.parametrize("steepness", [20.0, 2e4, 2e7])
def test_points_are_put_where_the_margin_jumps(steepness):
    """A margin that jumps on a millionth of the path, as in saturated classifiers: 512 points in one piece miss it."""
    inputs = torch.tensor([[[0.2]], [[0.5]]], dtype=torch.float64)

    def margins(x):
        return (steepness * (x.sum((0, 2)) - 0.3141)).sigmoid() * 5

    def split(gradient, x):
        return (gradient * x[:, 0]).sum(1)

    shares, (margin, baseline), points = integrate(margins, inputs, split, 2)
    assert abs(float(shares.sum()) - (margin - baseline)) < 1e-3 * abs(margin - baseline)
    assert float(shares[1] / shares[0]) == pytest.approx(2.5)
    assert points <= 512
    one_piece, _, _ = integrate(margins, inputs, split, 2, points=512)
    missed = abs(float(one_piece.sum()) - (margin - baseline))
    assert (missed > 0.3 * abs(margin - baseline)) == (steepness > 1e3)


def test_the_number_of_points_is_bounded():
    def margins(x):
        return (1e3 * x.sum((0, 2))).sin()

    inputs = torch.ones(3, 1, 2, dtype=torch.float64)
    _, _, points = integrate(margins, inputs, lambda gradient, x: gradient * x[:, 0], 6, most=100)
    assert 80 < points <= 100
