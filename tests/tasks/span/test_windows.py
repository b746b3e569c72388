"""A long text read in overlapping windows: every place is judged once, and answers stand where the text says."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from keepgate import runtime
from keepgate.data.questions import Question
from keepgate.data.vocabulary import UNKNOWN
from keepgate.errors import SettingsError
from keepgate.export import save
from keepgate.lens import read
from keepgate.tasks.span import SpanReader
from keepgate.tasks.span import reader as reader_module
from keepgate.tasks.span.settings import SpanReaderSettings
from keepgate.tasks.span.windows import joined, parts_of, window_at, windows_of
from tests.tasks.span.by_heart import learnt


@pytest.mark.parametrize("size", [5, 8, 64])
def test_the_windows_cover_a_text_and_each_place_is_judged_by_the_one_that_reads_most_around_it(
    size: int,
) -> None:
    overlap = size // 2
    for length in range(1, 4 * size + 3):
        windows = windows_of(length, size, overlap)
        assert len(windows) == 1 or all(window.stop - window.start == size for window in windows)
        parts = parts_of(windows)
        assert [place for part in parts for place in range(part.start, part.stop)] == list(range(length))
        for window, part in zip(windows, parts, strict=True):
            for place in range(part.start, part.stop):
                around = [
                    min(
                        place - each.start if each.start else size,
                        each.stop - 1 - place if each.stop < length else size,
                    )
                    for each in windows
                    if each.start <= place < each.stop
                ]
                own = min(
                    place - window.start if window.start else size,
                    window.stop - 1 - place if window.stop < length else size,
                )
                assert own >= max(around) - 1
                assert window_at(windows, place) == window
                # The longest answer that begins here ends inside, if the overlap is twice as long.
                assert min(place + overlap // 2, length) <= window.stop


def test_scores_are_put_together_by_their_windows() -> None:
    windows = windows_of(10, 6, 4)
    scores = [np.arange(window.start, window.stop)[:, None] + 100 * k for k, window in enumerate(windows)]
    assert joined(windows, scores)[:, 0].tolist() == [0, 1, 2, 3, 104, 105, 206, 207, 208, 209]


SMALL = {"read_window": 60, "read_overlap": 16}


@pytest.fixture(scope="module")
def reader(questions: list[Question], settings: SpanReaderSettings) -> SpanReader:
    return learnt(questions[:32], replace(settings, **SMALL)).eval()


def long_question(questions: list[Question], place: int, lives: int = 12) -> Question:
    """One question about a life that stands among others in a long text."""
    question = questions[0]
    others = [other.text for other in questions[3 : 3 * lives : 3] if other.text != question.text]
    assert not any(question.question[:3] in other for other in others[:place])
    text = "\n".join([*others[:place], question.text, *others[place:]])
    start = text.index(question.text) + (question.starts[0] or 0)
    return replace(question, text=text, starts=(start,))


def test_a_text_that_fits_is_read_whole(
    reader: SpanReader, questions: list[Question], settings: SpanReaderSettings
) -> None:
    whole = SpanReader(reader.statistics, replace(settings, read_window=4096)).eval()
    whole.load_state_dict(reader.state_dict())
    short = [question for question in questions if len(reader.tokens(question.text)) <= 60][:20]
    assert len(short) == 20
    assert reader.predict(short) == whole.predict(short)


def test_each_part_has_the_scores_of_its_window(reader: SpanReader, questions: list[Question]) -> None:
    question = long_question(questions, 2)
    (example,) = reader.prepare([question], training=False)
    windows = reader.windows(example.length)
    assert len(windows) > 8
    ((scores, null),) = reader._scores([example], 7)
    assert null is None
    assert scores.shape == (example.length, reader.settings.max_answer_span)
    for window, part in zip(windows, parts_of(windows), strict=True):
        batch = reader.collate([replace(example, text=example.text[window])])
        with torch.no_grad():
            own = reader.network(batch.text, batch.question).span[0, :, : reader.settings.max_answer_span]
        expected = own[part.start - window.start : part.stop - window.start].numpy()
        np.testing.assert_allclose(scores[part], expected, rtol=1e-4, atol=1e-4)


def test_the_answer_is_found_wherever_it_stands_and_its_place_is_that_in_the_whole_text(
    reader: SpanReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network points at one word, and the windows say where it is."""
    text = "他從小住在" * 80
    assert UNKNOWN not in reader.vocabulary.ids(text)
    assert reader.vocabulary.ids("漁") == [UNKNOWN]
    forward = reader.network.forward

    def pointing(text, question):
        scores = forward(text, question)
        span = torch.zeros_like(scores.span)
        span[..., 0] += 20 * text.words.T.eq(UNKNOWN)
        return replace(scores, span=span)

    monkeypatch.setattr(reader.network, "forward", pointing)
    places = [0, 7, 52, 53, 59, 60, 104, 200, len(text) - 1]
    asked = [
        Question(text=f"{text[:place]}漁{text[place + 1 :]}", question="誰?", answers=("漁",))
        for place in places
    ]
    answers = reader.predict(asked)
    assert [(answer.text, answer.start, answer.end) for answer in answers] == [
        ("漁", place, place + 1) for place in places
    ]
    assert all(answer.probability > 0.99 for answer in answers)
    # One after the other, as where the scores of all do not fit into the memory.
    monkeypatch.setattr(reader_module, "TOKENS_HELD", 1)
    assert reader.predict(asked) == answers


def test_without_torch_the_windows_give_the_same_answers(
    reader: SpanReader, questions: list[Question], tmp_path
) -> None:
    save(reader, tmp_path / "model", card={})
    alone = runtime.load(tmp_path / "model")
    asked = [long_question(questions, place) for place in (0, 2)]
    for ours, theirs in zip(alone.predict(asked), reader.predict(asked), strict=True):
        assert (ours.text, ours.start, ours.end) == (theirs.text, theirs.start, theirs.end)
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-5)


def test_a_text_has_no_answer_where_none_of_its_windows_has_one(
    questions: list[Question], settings: SpanReaderSettings
) -> None:
    reader = SpanReader.build(questions, replace(settings, **SMALL, no_answer=True), seed=1).eval()
    (example,) = reader.prepare([long_question(questions, 1)], training=False)
    nulls = []
    for window in reader.windows(example.length):
        batch = reader.collate([replace(example, text=example.text[window])])
        with torch.no_grad():
            null = reader.network(batch.text, batch.question).null
        assert null is not None
        nulls.append(null.item())
    ((_, null),) = reader._scores([example], 3)
    assert null == pytest.approx(min(nulls), abs=1e-4)


def test_an_answer_in_a_long_text_is_explained_in_its_window(
    reader: SpanReader, questions: list[Question]
) -> None:
    question = long_question(questions, 2)
    (answer,) = reader.predict([question])
    reading = read(reader, question)
    assert (reading.answer.text, reading.answer.start) == (answer.text, answer.start)
    assert len(reading.tokens) == 60
    assert all(
        question.text[start:end] == token
        for token, start, end in zip(
            reading.tokens.texts, reading.tokens.starts, reading.tokens.ends, strict=True
        )
    )
    assert answer.start is not None
    assert reading.tokens.starts[0] <= answer.start < reading.tokens.ends[-1]


def test_windows_that_could_cut_an_answer_are_refused() -> None:
    for overlap, window in ((59, 200), (200, 200), (0, 200)):
        with pytest.raises(SettingsError, match="read_overlap"):
            SpanReaderSettings(read_overlap=overlap, read_window=window)


def test_a_training_window_is_drawn_anew(reader: SpanReader, questions: list[Question]) -> None:
    (example,) = reader.prepare([long_question(questions, 2)], training=True)
    rng = random.Random(0)
    firsts = {reader.crop(example, rng).first for _ in range(20)}
    assert len(firsts) > 5
