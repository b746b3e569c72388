import json
import random
from dataclasses import replace

import pytest
import torch

from keepgate.data.batch import by_length
from keepgate.data.questions import Question
from keepgate.data.text import tokenize
from keepgate.errors import CorpusError, SettingsError, ShapeError
from keepgate.tasks.span.reader import TOKENS_AT_ONCE, SpanReader
from keepgate.tasks.span.settings import SpanReaderSettings
from keepgate.tasks.task import Crops, Task
from tests.tasks.span.by_heart import learnt


@pytest.fixture(scope="module")
def reader(questions: list[Question], settings: SpanReaderSettings) -> SpanReader:
    return SpanReader.build(questions, settings, seed=3)


def test_it_is_a_task_that_crops(reader: SpanReader) -> None:
    assert isinstance(reader, Task)
    assert isinstance(reader, Crops)


def test_it_learns_32_examples_by_heart(questions: list[Question], settings: SpanReaderSettings) -> None:
    some = questions[:32]
    answers = learnt(some, settings).predict(some)
    assert [answer.text for answer in answers] == [question.answers[0] for question in some]
    assert all(answer.start == question.starts[0] for answer, question in zip(answers, some, strict=True))


def test_an_answer_is_the_piece_of_the_text_it_points_at(
    reader: SpanReader, questions: list[Question]
) -> None:
    for question, answer in zip(questions, reader.predict(questions, batch_size=7), strict=True):
        assert question.text[answer.start : answer.end] == answer.text
        assert answer.sentence is not None
        assert answer.text in answer.sentence
        assert answer.candidates[0] == (answer.text, answer.probability)
        assert len({text for text, _ in answer.candidates}) == len(answer.candidates) <= 5
        assert all(0 < probability <= 1 for _, probability in answer.candidates)
        assert len(tokenize(answer.text)) <= reader.settings.max_answer_span


def test_answers_do_not_depend_on_the_company_or_the_mode(
    reader: SpanReader, questions: list[Question]
) -> None:
    together = reader.train().predict(questions[:9])
    assert reader.training
    alone = [reader.eval().predict([question])[0] for question in questions[:9]]
    assert [answer.text for answer in together] == [answer.text for answer in alone]
    assert not reader.training
    assert reader.predict([]) == []


def test_a_model_made_of_its_files_gives_the_same_answers(
    reader: SpanReader, questions: list[Question]
) -> None:
    plain = json.loads(json.dumps(reader.vocabulary_json(), allow_nan=False))
    again = SpanReader.from_files(reader.settings, plain)
    again.load_state_dict(reader.state_dict())
    assert again.predict(questions[:5]) == reader.predict(questions[:5])


def test_the_same_seed_builds_the_same_reader(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    before = torch.random.get_rng_state()
    one, same, other = (SpanReader.build(questions, settings, seed=seed).state_dict() for seed in (5, 5, 6))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["network.merge.weight"], other["network.merge.weight"])


def test_training_leaves_out_what_cannot_be_learnt_and_answering_does_not(reader: SpanReader) -> None:
    text = "他住在花蓮縣的海邊，每天看海也看山，從來不覺得無聊。"
    asked = [
        Question(text=text, question="他住哪裡?", answers=("花蓮縣",)),  # found, though no start is given
        Question(text=text, question="他住哪裡?", answers=("臺東",)),
        Question(text=text, question="他做什麼?", answers=(text[9:],), starts=(9,)),  # too long
        Question(text=text, question="他住哪裡?"),
    ]
    learnt = reader.prepare(asked, training=True)
    assert [(example.first, example.last) for example in learnt] == [(3, 5)]
    assert len(reader.prepare(asked, training=False)) == len(reader.predict(asked)) == 4


def test_an_answer_inside_a_word_is_the_whole_word(reader: SpanReader) -> None:
    question = Question(text="他生於1984年。", question="哪一年?", answers=("84年",), starts=(5,))
    (example,) = reader.prepare([question], training=True)
    assert (example.first, example.last) == (3, 4)


@pytest.mark.parametrize("missing", ["text", "question"])
def test_an_empty_text_or_question_is_refused(reader: SpanReader, missing: str) -> None:
    given = {"text": "他住在海邊。", "question": "誰?"} | {missing: " \n"}
    with pytest.raises(CorpusError, match=f"'q7': the {missing} is empty"):
        reader.predict([Question(**given, id="q7")])


def test_a_window_holds_the_answer_wherever_it_is_placed(
    reader: SpanReader, questions: list[Question]
) -> None:
    rng, size = random.Random(0), reader.settings.window
    places = set()
    for example in reader.prepare(questions, training=True) * 3:
        seen = reader.crop(example, rng)
        assert seen.length == len(seen.text.features) == min(size, example.length)
        assert seen.first is not None
        assert seen.last is not None
        assert 0 <= seen.first <= seen.last < seen.length
        answer = example.text.words[example.first : example.last + 1]
        assert list(seen.text.words[seen.first : seen.last + 1]) == list(answer)
        places.add(example.first - seen.first)
    assert len(places) > 5


def test_a_text_that_fits_the_window_is_not_cropped(reader: SpanReader) -> None:
    question = Question(text="他住在海邊。", question="他住哪裡?", answers=("海邊",))
    (example,) = reader.prepare([question], training=True)
    assert reader.crop(example, random.Random(0)) is example


def test_hidden_words_leave_no_trace_of_themselves(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, replace(settings, mask_rate=0.999), seed=0)
    text = reader.collate(reader.prepare(questions[:4], training=True)).text
    seen, hidden = reader._mask(text)
    assert hidden.sum() > 20
    assert (seen.words[hidden] == 1).all()
    assert not seen.pairs[hidden].any()
    assert not seen.features[hidden][:, :7].any()
    assert (seen.words[~text.real] == 0).all()
    assert torch.equal(text.words, reader.collate(reader.prepare(questions[:4], training=True)).text.words)


def test_the_pair_that_a_hidden_word_ends_is_hidden_too(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, replace(settings, mask_rate=0.2), seed=0)
    text = reader.collate(reader.prepare(questions[:8], training=True)).text
    seen, hidden = reader._mask(text)
    assert text.pairs[:-1][hidden[1:]].any()
    assert not seen.pairs[:-1][hidden[1:]].any()
    untouched = ~hidden[1:] & ~hidden[:-1]
    assert torch.equal(seen.pairs[:-1][untouched], text.pairs[:-1][untouched])
    assert torch.equal(seen.features[~hidden], text.features[~hidden])


def test_words_are_hidden_in_training_only(questions: list[Question], settings: SpanReaderSettings) -> None:
    reader = SpanReader.build(questions, replace(settings, mask_rate=0.5, dropout=0.3), seed=0)
    batch = reader.collate(reader.prepare(questions[:8], training=True))
    assert reader.eval().loss(batch) == reader.loss(batch)
    assert reader.train().loss(batch) != reader.loss(batch)


def test_a_batch_without_answers_has_no_loss(reader: SpanReader, questions: list[Question]) -> None:
    unanswered = replace(questions[0], answers=(), starts=())
    batch = reader.collate(reader.prepare([questions[1], unanswered], training=False))
    with pytest.raises(ShapeError, match="training=True"):
        reader.loss(batch)


def test_what_the_reader_read_can_be_seen(reader: SpanReader, questions: list[Question]) -> None:
    probe = reader.probe(questions[0])
    tokens, trace = probe.tokens, probe.layer.trace(probe.x)
    assert "".join(tokens.texts) == questions[0].text
    for reverse in (False, True):
        assert trace.layer(0, reverse=reverse).f.shape == (len(tokens), 1, reader.settings.hidden_size)


def test_a_text_of_thousands_of_tokens_is_answered(reader: SpanReader, questions: list[Question]) -> None:
    text = "這裡什麼也沒有。" * 400 + questions[0].text
    (answer,) = reader.predict([replace(questions[0], text=text, answers=(), starts=())])
    assert text[answer.start : answer.end] == answer.text


def test_batches_hold_everything_once_and_not_too_much(reader: SpanReader, questions: list[Question]) -> None:
    examples = reader.prepare(questions, training=False)
    batches = list(by_length([each.length for each in examples], 16, TOKENS_AT_ONCE))
    assert sorted(row for rows in batches for row in rows) == list(range(len(examples)))
    assert all(len(rows) <= 16 for rows in batches)
    assert all(len(rows) * max(examples[row].length for row in rows) <= TOKENS_AT_ONCE for rows in batches)


@pytest.mark.parametrize(
    "wrong",
    [
        {"dropout": 1.0},
        {"hidden_size": 0},
        {"mlm_weight": -1.0},
        {"f1_weight": 1.5},
        {"max_train_span": 500},
        {"max_answer_span": 41},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        SpanReaderSettings(**wrong)
