"""A reader's scores sum its tokens' shares; without a write they are those of a network that never wrote it."""

from dataclasses import replace

import pytest
import torch

from keepgate import CellError, ShapeError
from keepgate.lens.capture.layer_run import capture_layer
from keepgate.lens.readers.answer_ablation import (
    ablated_outputs,
    answer_attribution,
    answer_influence,
    counterfactual_answer,
    leave_one_out_answers,
)
from keepgate.lens.readers.reading import read
from tests.lens.by_hand import by_hand, unwritten
from tests.lens.readers import KINDS, QUESTIONS, answered, every_kind, reader, scores
from tests.oracles import agrees
from tests.tasks.classifier.test_classifier import classifier as small_classifier
from tests.tasks.classifier.test_classifier import texts

TEXTS = texts()


def classifier(**kind):
    task = small_classifier(**kind).double().eval()
    with torch.no_grad():
        for weight in task.parameters():
            weight.normal_(0, 0.7)
    return task


def scores_without(reading, steps):
    outputs = ablated_outputs(reading, [(step, step + 1) for step in steps])
    return torch.cat([reading.head.scores(output) for output in outputs]).detach()


@every_kind
def test_the_shares_sum_to_the_models_own_scores(kind):
    task = reader(**kind)
    found = answer_attribution(read(task, QUESTIONS[0]))
    agrees(found.scores, scores(task))
    assert float(found.missing.abs().max()) < 1e-12
    assert task.training
    text, asked = len(QUESTIONS[0].text), len(QUESTIONS[0].question)
    if kind["pooling"] == "attention":
        assert (len(found.tokens), len(found.question_tokens), len(found.question_writes)) == (
            text,
            asked,
            asked,
        )
        assert bool(found.question_writes.any())
    else:
        assert (len(found.tokens), len(found.question_tokens), len(found.question_writes)) == (
            text + asked,
            0,
            0,
        )
    against = found.of("索隆")
    agrees(against, found.writes[:, found.choices.index("索隆")] - found.writes.mean(1))


@every_kind
def test_the_scores_without_a_token_are_those_of_a_network_that_never_wrote_it(kind):
    task = reader(**kind)
    steps = [0, 3, 10]
    question = task.prepare(QUESTIONS[:1], training=False)[0].question
    found = scores_without(read(task, QUESTIONS[0]), steps)
    layer, top = task.encoder.layer, kind["num_layers"] - 1
    for number, step in enumerate(steps):

        def instead(module, given, result, here=step):
            if len(given[0]) == len(question):
                return result
            x = module.trace(*given).layer(top - 1) if top else None
            read = given[0][:, 0]
            if top:
                below = [x["h"][:, 0]]
                if kind["bidirectional"]:
                    below.append(module.trace(*given).layer(top - 1, reverse=True)["h"][:, 0])
                read = torch.cat(below, 1)
            ways = 2 if kind["bidirectional"] else 1
            outputs = []
            for way in range(ways):
                states = [torch.zeros(5, dtype=torch.float64)] * len(module.cell.states)
                place = top * ways + way
                outputs.append(one_way(module, place, way, read, states, here))
            return torch.cat(outputs, 1).unsqueeze(1), result[1]

        hook = layer.register_forward_hook(instead)
        expected = scores(task)
        hook.remove()
        agrees(found[number], expected)
    assert float((found - scores(task)).abs().max()) > 1e-3


def one_way(layer, place, way, read, states, here, change=None):
    def dropped(t, keep, write, before):
        return unwritten(layer.cell, keep) * before if t == here else keep * before + write

    class Facing:
        """by_hand takes odd places for those that read backwards."""

        cell = layer.cell

        @staticmethod
        def weights_at(_):
            return layer.weights_at(place)

    return by_hand(Facing, way, read, states, change or dropped)[0].detach()


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_shares_sum_to_a_classifiers_own_scores(pooling, bidirectional):
    task = classifier(pooling=pooling, bidirectional=bidirectional)
    shares = answer_attribution(read(task, TEXTS[0]))
    expected = task(task.collate(task.prepare(TEXTS[:1], training=False)))[0].detach()
    agrees(shares.scores, expected)
    assert float(shares.missing.abs().max()) < 1e-12
    assert shares.question_tokens == ()
    assert shares.choices == task.choices


def test_a_classifiers_maximum_is_no_sum():
    with pytest.raises(CellError, match="maximum is no sum"):
        answer_attribution(read(classifier(pooling="max"), TEXTS[0]))


def test_what_cannot_be_taken_apart_is_refused():
    with pytest.raises(CellError, match="no memory"):
        read(reader(cell="feedforward", pooling="last", bidirectional=False, window=3), QUESTIONS[0])
    with pytest.raises(CellError, match="gradient"):
        answer_attribution(read(reader(cell="rnn", pooling="last", bidirectional=False), QUESTIONS[0]))
    task = reader(**KINDS[0])
    with pytest.raises(ShapeError, match="numbered 0 to 20"):
        leave_one_out_answers(read(task, QUESTIONS[0]), [21])
    with pytest.raises(KeyError, match="魯夫"):
        answer_attribution(read(task, QUESTIONS[0])).of("香吉士")


@every_kind
def test_the_influence_is_the_slope_of_the_score_on_the_way_to_no_write(kind):
    """Against finite differences: the last layer's memory is moved a little to and from what it would be unwritten."""
    task = reader(**kind)
    found = answer_influence(read(task, QUESTIONS[0]), "索隆")
    layer, top = task.encoder.layer, kind["num_layers"] - 1
    ways, k = 1 + kind["bidirectional"], task.choices.index("索隆")
    below = capture_layer(layer, task.probe(QUESTIONS[0]).x).input_of(top * ways)[:, 0]
    for here in (0, 4, 10):
        margins = []
        for factor in (1 + 1e-6, 1 - 1e-6):

            def change(t, keep, write, before, here=here, factor=factor):
                without = unwritten(layer.cell, keep) * before
                written = keep * before + write
                return without + factor * (written - without) if t == here else written

            outputs = []
            for way in range(ways):
                states = [torch.zeros(5, dtype=torch.float64)] * len(layer.cell.states)
                outputs.append(one_way(layer, top * ways + way, way, below, states, here, change))
            margins.append(answered(task, torch.cat(outputs, 1).unsqueeze(1), k))
        slope = (margins[0] - margins[1]) / 2e-6
        assert float(found[here]) == pytest.approx(slope, rel=1e-5, abs=1e-8)


@every_kind
def test_answers_without_a_token_are_those_of_its_scores(kind):
    task = reader(**kind)
    reading = read(task, QUESTIONS[0])
    assert reading.answer == task.predict(QUESTIONS[:1])[0]
    assert reading.question_start == len(QUESTIONS[0].text)
    steps = [0, 3, 10]
    for answer, row in zip(
        leave_one_out_answers(reading, steps), scores_without(reading, steps), strict=True
    ):
        agrees(torch.tensor(answer.probability), row.softmax(0).max().float())
        assert answer.text == task.choices[int(row.argmax())]
    for step, alone in zip(steps, leave_one_out_answers(reading, steps), strict=True):
        agrees(
            torch.tensor(counterfactual_answer(reading, no_write=[step]).probability),
            torch.tensor(alone.probability),
        )
    assert counterfactual_answer(reading).probability == pytest.approx(reading.answer.probability, rel=1e-6)


@every_kind
def test_several_changes_at_once_are_those_of_a_network_with_all_of_them(kind):
    task = reader(**kind)
    layer, top, ways = task.encoder.layer, kind["num_layers"] - 1, 1 + kind["bidirectional"]
    reading = read(task, QUESTIONS[0])
    dropped, kept = {0, 3, 7}, {3, 5, 10}
    below = reading.layer_run.input_of(top * ways)[:, 0]

    def change(t, keep, write, before):
        if t in dropped:
            return (1 if t in kept else unwritten(layer.cell, keep)) * before
        return (1 if t in kept else keep) * before + write

    outputs = []
    for way in range(ways):
        states = [torch.zeros(5, dtype=torch.float64)] * len(layer.cell.states)
        outputs.append(one_way(layer, top * ways + way, way, below, states, None, change))
    expected = reading.head.scores(torch.cat(outputs, 1).unsqueeze(1)).softmax(1)[0].detach()
    found = counterfactual_answer(reading, no_write=sorted(dropped), no_erase=sorted(kept))
    k = task.choices.index(found.text)
    assert found.probability == pytest.approx(float(expected[k]), rel=1e-9)
    assert k == int(expected.argmax())
    assert (
        abs(found.probability - counterfactual_answer(reading, no_write=sorted(dropped)).probability) > 1e-6
    )


@every_kind
def test_without_several_tokens_the_answer_is_that_of_the_network_run_on_the_rest(kind):
    """And what else is changed is changed in that run; a head that reads every state sees what passed a token by."""
    task = reader(**kind)
    reading = read(task, QUESTIONS[0])
    removed = {0, 4, 5, len(reading.tokens) - 1}
    rest = [step for step in range(len(reading.tokens)) if step not in removed]
    layer, run = task.encoder.layer, capture_layer(task.encoder.layer, reading.layer_run.x[rest])
    changed = ablated_outputs(replace(reading, layer_run=run), [(rest.index(7), rest.index(7) + 1)])
    for output, asked in ((run.trace.output, ()), (next(iter(changed)), (7, 4))):
        whole = torch.zeros(len(reading.tokens), 1, output.shape[2], dtype=torch.float64)
        whole[rest] = output
        half = layer.output_size
        for step in removed:
            before, after = (
                [other for other in rest if other < step],
                [other for other in rest if other > step],
            )
            whole[step, :, :half] = whole[before[-1], :, :half] if before else 0.0
            if layer.bidirectional:
                whole[step, :, half:] = whole[after[0], :, half:] if after else 0.0
        (expected,) = reading.head.answers(whole)
        answer = counterfactual_answer(reading, removed=removed, no_write=asked)
        assert answer.text == expected.text
        assert answer.probability == pytest.approx(expected.probability, rel=1e-9)


def test_without_any_token_the_answer_is_that_of_the_initial_states():
    reading = read(reader(cell="lstm", pooling="last", bidirectional=True), QUESTIONS[0])
    (expected,) = reading.head.answers(torch.zeros_like(reading.trace.output))
    assert counterfactual_answer(reading, removed=range(len(reading.tokens))) == expected
    with pytest.raises(ShapeError, match=r"tokens \[99\] .* 0 to 20"):
        counterfactual_answer(reading, removed=[99])


@pytest.mark.parametrize("layers", [(-1,), None])
def test_many_candidates_are_run_in_batches(monkeypatch, layers):
    reading = read(reader(cell="lstm", pooling="last", bidirectional=True, num_layers=2), QUESTIONS[0])
    whole = leave_one_out_answers(reading, range(21), layers=layers)
    monkeypatch.setattr("keepgate.lens.readers.answer_ablation.AT_ONCE", reading.trace.output.numel() * 4)
    outputs = list(ablated_outputs(reading, [(step, step + 1) for step in range(21)], layers))
    assert [output.shape[1] for output in outputs] == [4, 4, 4, 4, 4, 1]
    answers = [answer for output in outputs for answer in reading.head.answers(output)]
    assert [answer.text for answer in answers] == [answer.text for answer in whole]
    assert [answer.probability for answer in answers] == pytest.approx(
        [answer.probability for answer in whole], rel=1e-6
    )
