"""Span ablation is the ablation of each of its writes in one run, and the search finds a planted token."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from keepgate import CellError, ShapeError
from keepgate.data.labelled_series import LabelledSeries
from keepgate.data.questions import Question
from keepgate.lens import capture_layer, read
from keepgate.lens.interventions import Site, ablate_spans, ablate_writes, counterfactual
from keepgate.lens.readers import hierarchical_search, span_effects
from keepgate.lens.readers.leave_one_out import largest_first, most_influential
from keepgate.lens.readers.span_search import (
    MAX_SENTENCE_TOKENS,
    MOST_INFLUENTIAL,
    NUM_STRETCHES,
    STRETCHES_FOLLOWED,
    sentence_spans,
)
from keepgate.tasks import SeriesClassifier
from keepgate.tasks.series_classifier import SeriesClassifierSettings
from tests.lens.networks import network
from tests.lens.readers import QUESTIONS, reader
from tests.oracles import agrees

PIECES = [(0, 3), (2, 3), (4, 9), (8, 9), (0, 9)]


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "mingru"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_piece_is_all_of_its_writes_left_out_in_one_run(cell, reverse, layer):
    seen = capture_layer(network(cell), torch.randn(9, 2, 5, dtype=torch.float64))
    site = Site(layer=layer, reverse=reverse, rows=1)
    found = ablate_spans(seen, PIECES, site)
    for number, (start, end) in enumerate(PIECES):
        one = counterfactual(seen, no_write=range(start, end), site=site)
        agrees(found.output[:, number], one.output[:, 0])
        for state, alone in zip(found.final, one.final, strict=True):
            agrees(state[:, number], alone[:, 0])


def test_a_piece_of_one_token_is_its_write_left_out():
    seen = capture_layer(network("lstm", projected=True), torch.randn(9, 1, 5, dtype=torch.float64))
    agrees(ablate_spans(seen, [(4, 5), (8, 9)]).output, ablate_writes(seen, [4, 8]).output)


def test_pieces_that_are_not_there_are_refused():
    seen = capture_layer(network("lstm"), torch.randn(9, 1, 5, dtype=torch.float64))
    with pytest.raises(ShapeError, match="end after it starts"):
        ablate_spans(seen, [(3, 3)])
    with pytest.raises(ShapeError, match="9 steps"):
        ablate_spans(seen, [(3, 10)])
    with pytest.raises(CellError, match="gradient"):
        ablate_spans(capture_layer(network("rnn_tanh"), torch.randn(9, 1, 5, dtype=torch.float64)), [(3, 4)])


@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_every_token_is_in_one_sentence_and_the_question_is_one_of_its_own(pooling):
    text = "魯夫說他想成為海賊王。 索隆\n笑了!\n"
    found = read(reader(cell="lstm", pooling=pooling), Question(text=text, question="是誰? 快說"))
    parts = sentence_spans(found)
    assert [start for start, _ in parts] == [0, *[end for _, end in parts[:-1]]]
    assert parts[-1][1] == len(found.tokens)
    told = ["".join(found.tokens.texts[start:end]) for start, end in parts]
    asked = ["是誰?", "快說"] if pooling == "last" else []
    assert told == ["魯夫說他想成為海賊王。", "索隆", "笑了!", *asked]


def test_a_piece_says_what_the_answer_would_be_without_it():
    found = read(reader(cell="gru", pooling="last"), QUESTIONS[0])
    (piece,) = span_effects(found, [(2, 7)])
    rerun = ablate_spans(found.layer_run, [(2, 7)]).output
    units = rerun.shape[2] // 2
    back = ablate_spans(found.layer_run, [(2, 7)], Site(reverse=True)).output
    output = torch.cat([rerun[..., :units], back[..., units:]], -1)
    (answer,) = found.head.answers(output)
    assert piece.without.text == answer.text
    assert piece.without.probability == pytest.approx(answer.probability)
    left = float(found.head.probabilities(output)[0].detach())
    assert piece.probability_drop == pytest.approx(1 - left / found.answer.probability, abs=1e-6)


def test_in_a_long_text_the_search_goes_down_to_the_token_that_carries():
    """A network whose memory is opened for one token alone: everything else writes next to nothing."""
    filler = "索隆說他想畫地圖。" * 40
    asked = Question(text=filler + "娜美魯。" + filler, question="誰?")
    task = reader(cell="lstm", pooling="last", bidirectional=False)
    layer, hidden = task.encoder.layer, 5
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.bias_ih_l0[hidden : 2 * hidden] = 20  # keeps everything
        layer.bias_ih_l0[:hidden] = -20  # writes nothing …
        layer.bias_ih_l0[3 * hidden :] = 5
        task.encoder.inputs.weight.zero_()
        (number,) = task.vocabulary.ids(["魯"])
        task.encoder.inputs.weight[number, 0] = 1
        layer.weight_ih_l0[:hidden, 0] = 40  # … but at 魯
        layer.weight_ih_l0[2 * hidden : 3 * hidden, 0] = 2
        task.readout.weight.copy_(torch.tensor([[3.0] * 5, [-3.0] * 5, [0.0] * 5]))
        task.readout.bias.copy_(torch.tensor([-5.0, 5.0, 0.0]))
    found = read(task, asked)
    (place,) = [step for step, word in enumerate(found.tokens.texts) if word == "魯"]
    whole, each = hierarchical_search(found, max_ablations=100)
    assert whole[0].start <= place < whole[0].end
    assert (each[0].step, each[0].without.text) == (place, "索隆")
    assert each[0].probability_drop > 0.9
    assert max(one.probability_drop for one in each[1:]) < 1e-6
    assert len(whole) + len(each) < 150


def test_of_a_sentence_longer_than_the_search_tries_tokens_the_most_influential_are_tried():
    reading = read(reader(cell="gru", pooling="last"), Question(text="索隆說他想畫地圖" * 40, question="誰?"))
    sentences, tokens = hierarchical_search(reading, max_ablations=100)
    in_text = [effect.step for effect in tokens if effect.step < sentences[0].end]
    assert MAX_SENTENCE_TOKENS <= len(in_text) <= MAX_SENTENCE_TOKENS + MOST_INFLUENTIAL
    assert set(most_influential(reading, MOST_INFLUENTIAL)) <= {effect.step for effect in tokens}


@pytest.mark.parametrize("steps", [700, 5_000])
def test_a_long_series_is_searched_by_even_stretches_and_their_steps(steps):
    rng = np.random.default_rng(1)
    items = [
        LabelledSeries(values=rng.normal(size=(steps, 1)).astype(np.float32), features=("load",), label=label)
        for label in ("fine", "worn")
    ]
    settings = SeriesClassifierSettings(hidden_size=3, cell="rnn", bidirectional=False, pooling="mean")
    reading = read(SeriesClassifier.build(items, settings, seed=0), items[0])
    assert sentence_spans(reading) == []
    sentences, tokens = hierarchical_search(reading)
    assert sentences == ()
    bounds = [steps * k // NUM_STRETCHES for k in range(NUM_STRETCHES + 1)]
    stretches = largest_first(span_effects(reading, list(pairwise(bounds))))[:STRETCHES_FOLLOWED]
    influential = set(most_influential(reading, MOST_INFLUENTIAL))
    if steps == 700:
        within = {step for span in stretches for step in range(span.start, span.end)}
        assert influential < within | influential == {effect.step for effect in tokens}
    else:
        inside = [effect for effect in tokens if stretches[0].start <= effect.step < stretches[0].end]
        assert len(inside) >= MAX_SENTENCE_TOKENS
