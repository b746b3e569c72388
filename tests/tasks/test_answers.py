"""A choice reader's answers: the same alone and in company, with their place, from text of any length."""

import dataclasses
import json

import pytest
import torch

from keepgate.data.questions import Question
from keepgate.data.vocabulary import Vocabulary
from keepgate.errors import CellError, CorpusError, ShapeError
from keepgate.tasks import KINDS
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.choice.reader import ChoiceReader
from tests.oracles import agrees
from tests.runtime.models import built

QUESTIONS = [
    Question(text="魯夫說他想成為海賊王。", question="是誰想要成為海賊王?", answers=("魯夫",), id="1"),
    Question(text="索隆去海邊。索隆想當劍豪。娜美很好。", question="誰想當劍豪?", answers=("索隆",), id="2"),
    Question(text="Nami draws maps.", question="Who draws maps?", answers=("Nami",), id="3"),
    Question(text="喬巴走了。", question="他還在嗎?", answers=("不在",), id="4"),
]
POOLINGS = pytest.mark.parametrize("pooling", ["last", "attention"])


def reader(pooling: str = "attention", **changes: object) -> ChoiceReader:
    settings = ChoiceReaderSettings(pooling=pooling, embedding_size=6, hidden_size=5, **changes)
    return ChoiceReader.build(QUESTIONS, settings, seed=0)


@POOLINGS
@pytest.mark.parametrize("cell", ["feedforward", "rnn", "lstm", "gru"])
def test_a_row_is_answered_the_same_alone_and_padded_in_a_batch(pooling: str, cell: str) -> None:
    recurrent = cell != "feedforward"
    model = reader(pooling, cell=cell, bidirectional=recurrent, window=None if recurrent else 3)
    long = Question(text="啊" * 300, question="誰?" * 20)
    together = model.probabilities([*QUESTIONS, long])
    alone = torch.cat([model.probabilities([question]) for question in [*QUESTIONS, long]])
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(together.sum(1), torch.ones(5))
    assert not torch.allclose(together[0], together[1])


def test_a_question_that_is_read_first_is_known_at_every_token() -> None:
    model = reader(question_first=True).eval()
    text = QUESTIONS[1].text
    first, second = (
        model.probe(Question(text=text, question=asked)).x for asked in ("誰想當劍豪?", "誰很好?")
    )
    model.question_proj.weight.data.zero_()
    plain = model.probe(Question(text=text, question="誰很好?")).x
    difference = first - second
    torch.testing.assert_close(difference, difference[:1].expand_as(difference))
    assert float(difference.abs().min()) > 0
    assert float((first - plain).abs().min()) > 0
    long = Question(text="啊" * 300, question="誰?" * 20)
    together, alone = model.probabilities([QUESTIONS[0], long]), model.probabilities(QUESTIONS[:1])
    torch.testing.assert_close(together[:1], alone)


@POOLINGS
def test_answers_come_in_the_order_of_the_questions(pooling: str) -> None:
    model = reader(pooling)
    forwards = model.predict(QUESTIONS, batch_size=2)
    backwards = model.predict(QUESTIONS[::-1], batch_size=3)[::-1]
    assert [answer.text for answer in forwards] == [answer.text for answer in backwards]
    assert model.predict([]) == []


def test_an_answer_has_its_probability_its_place_and_the_next_best() -> None:
    model = reader()
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.copy_(torch.arange(4.0))
    choices = model.choices
    text = f"今天很好。{choices[3]}在這裡！"
    answer = model.predict([Question(text=text, question="誰在這裡?")])[0]
    shares = torch.arange(4.0).softmax(0)
    assert answer.text == choices[3]
    assert answer.probability == pytest.approx(shares[3].item())
    assert [name for name, _ in answer.candidates] == list(choices[::-1])
    assert [share for _, share in answer.candidates] == pytest.approx(shares.flip(0).tolist())
    assert (answer.start, answer.end) == (5, 5 + len(choices[3]))
    assert text[answer.start : answer.end] == answer.text
    assert answer.sentence == f"{choices[3]}在這裡！"
    nowhere = model.predict([Question(text="今天很好。", question="誰?")])[0]
    assert (nowhere.start, nowhere.end, nowhere.sentence) == (None, None, None)
    plain = json.loads(json.dumps(answer.as_dict()))
    assert plain["candidates"][0] == {"text": answer.text, "probability": answer.probability}
    assert plain["start"] == 5


def test_asking_changes_nothing() -> None:
    model = reader(dropout=0.5)
    state = torch.get_rng_state()
    for mode in (True, False):
        model.train(mode)
        first = model.probabilities(QUESTIONS)
        assert torch.equal(first, model.probabilities(QUESTIONS)), "no dropout"
        assert model.training is mode
        model.probe(QUESTIONS[0])
        assert model.training is mode
    assert not first.requires_grad
    assert torch.equal(torch.get_rng_state(), state)


@POOLINGS
def test_padding_gets_no_gradient_and_no_say(pooling: str) -> None:
    model = reader(pooling, cell="lstm").double()
    batch = model.collate(model.prepare(QUESTIONS, training=True))
    loss = model.loss(batch)[0]
    longer = dataclasses.replace(batch, text=torch.cat([batch.text, torch.zeros(7, 4, dtype=torch.int64)]))
    torch.testing.assert_close(model.loss(longer)[0], loss)
    loss.backward()
    assert model.encoder.inputs.weight.grad is not None
    assert model.encoder.inputs.weight.grad[0].count_nonzero() == 0


def test_unknown_tokens_and_capitals_are_read() -> None:
    model = reader()
    shout = Question(text="NAMI DRAWS MAPS.", question="WHO DRAWS MAPS?")
    assert torch.equal(model.probabilities([shout]), model.probabilities([QUESTIONS[2]]))
    strange = Question(text="龘\U0001f600\ufffd", question="Ж?")
    assert model.prepare([strange], training=False)[0].text == [1, 1, 1]
    assert model.predict([strange])[0].text in model.choices


@pytest.mark.parametrize("empty", ["", " \n\u3000"])
def test_an_empty_text_or_question_is_refused(empty: str) -> None:
    model = reader()
    for part in ("text", "question"):
        broken = dataclasses.replace(QUESTIONS[0], answers=(), starts=(), **{part: empty})
        with pytest.raises(CorpusError, match=f"question '1': the {part} is empty"):
            model.predict([QUESTIONS[1], broken])


@POOLINGS
def test_a_text_of_10_000_characters_is_read(pooling: str) -> None:
    model = reader(pooling)
    text = "魯夫說他想成為海賊王。" + "今天天氣很好。" * 1430
    assert len(text) > 10_000
    first, *others = model.probabilities([Question(text=text, question="是誰想要成為海賊王?")] * 3)
    for other in others:
        agrees(other, first)


@POOLINGS
def test_the_trace_is_over_the_tokens_that_were_read(pooling: str) -> None:
    model = reader(pooling, cell="lstm")
    question = QUESTIONS[2]
    probe = model.probe(question)
    tokens, trace = probe.tokens, probe.layer.trace(probe.x)
    expected = ["Nami", "draws", "maps", "."]
    if pooling == "last":
        expected += ["Who", "draws", "maps", "?"]
        whole = question.text + question.question
        assert [whole[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == expected
    assert list(tokens.texts) == expected
    assert trace.layer(0).f.shape == trace.layer(0, reverse=True).c.shape == (len(expected), 1, 5)
    with pytest.raises(CellError):
        reader(pooling, cell="feedforward", bidirectional=False, window=3).probe(question)


@POOLINGS
def test_it_is_rebuilt_from_its_files(pooling: str) -> None:
    model = reader(pooling)
    again = KINDS[model.kind].task.from_files(model.settings, json.loads(json.dumps(model.vocabulary_json())))
    again.load_state_dict(model.state_dict())
    assert again.predict(QUESTIONS) == model.predict(QUESTIONS)
    for broken in (
        {},
        {"tokens": ["a"]},
        {"choices": ["a"]},
        {"tokens": 3, "choices": ["a"]},
        {"choices": [1]},
    ):
        with pytest.raises(CorpusError):
            ChoiceReader.from_files(model.settings, broken)


def test_nothing_to_choose_from_is_refused() -> None:
    settings = ChoiceReaderSettings()
    with pytest.raises(CorpusError, match="none of the 1 questions has an answer"):
        ChoiceReader.build([Question(text="a", question="b")], settings, seed=0)
    with pytest.raises(CorpusError, match="different answers"):
        ChoiceReader(Vocabulary("ab"), ["x", "x"], settings)
    model = reader()
    unanswered = model.collate(model.prepare([Question(text="a", question="b")], training=False))
    with pytest.raises(ShapeError, match="without a known answer"):
        model.loss(unanswered)


def test_choices_and_tokens_come_the_most_frequent_first() -> None:
    twice = [*QUESTIONS, dataclasses.replace(QUESTIONS[3], id="5")]
    model = ChoiceReader.build(twice, ChoiceReaderSettings(embedding_size=4, hidden_size=4), seed=0)
    assert model.choices == ("不在", "Nami", "索隆", "魯夫")
    assert model.vocabulary.ids(["nami"])[0] > 1
    assert "Nami" not in model.vocabulary


@pytest.mark.parametrize("name", ["choice, attention", "classifier, mean and max", "language model"])
def test_a_model_in_float64_answers_in_float64(name: str) -> None:
    task = built(name).double()
    item = task.item("魯夫說他想成為海賊王。", "是誰?" if name.startswith("choice") else None)
    shares = torch.tensor([share for _, share in task.predict([item])[0].candidates], dtype=torch.float64)
    assert not torch.equal(shares, shares.float().double())
