"""Where an answer came from follows from the ablations alone, by one rule for page, report and terminal."""

import pytest

from keepgate.lens.readers import AnswerOrigin, SpanEffect, TokenEffect, answer_origin, is_guess
from keepgate.tasks.answer import Answer


def answer(text="tea", likely=0.9, runner_up=0.05):
    return Answer(text=text, probability=likely, candidates=((text, likely), ("milk", runner_up)))


def sentence(start, drop=0.0, without="tea"):
    return SpanEffect(
        start=start, end=start + 10, probability_drop=drop, without=Answer(text=without, probability=0.6)
    )


def token(step, drop=0.0, without="tea"):
    return TokenEffect(
        step=step, token="x", probability_drop=drop, without=Answer(text=without, probability=0.6)
    )


PLAIN = [sentence(0), sentence(10), sentence(20)]


def origin(sentences, tokens=(), *, of=None, choices=None):
    return answer_origin(of or answer(), sentences, tokens, question_start=20, choices=choices)


def test_a_token_that_changes_the_answer_proves_its_sentence():
    found = origin(PLAIN, [token(12, 0.9, "milk"), token(3, 0.1)])
    assert (found.kind, found.sentence, found.proof) == ("sentence", PLAIN[1], token(12, 0.9, "milk"))


def test_one_sentence_with_a_deciding_token_stands_before_one_that_decides_as_a_whole():
    sentences = [sentence(0, 0.95, "milk"), sentence(10), sentence(20)]
    found = origin(sentences, [token(12, 0.5, "milk")])
    assert (found.sentence, found.others) == (sentences[1], 1)


def test_the_sentence_that_lowers_the_answer_most_comes_first():
    sentences = [sentence(0, 0.5, "milk"), sentence(10, 0.8, "milk"), sentence(20)]
    found = origin(sentences)
    assert (found.kind, found.sentence, found.proof, found.others) == (
        "sentence",
        sentences[1],
        sentences[1],
        1,
    )


@pytest.mark.parametrize(
    ("sentences", "tokens", "kind"),
    [
        ([sentence(0), sentence(20, 0.7, "milk")], [], "question"),
        ([sentence(k, 0.9, "milk") for k in (0, 5, 10)], [], "spread"),
        (PLAIN, [token(3, 0.2)], "spread"),
        (PLAIN, [token(3, 0.009)], "nothing"),
        (PLAIN, [token(3, 0.009, "milk")], "nothing"),
        ([], [], "nothing"),
    ],
)
def test_other_origins(sentences, tokens, kind):
    assert origin(sentences, tokens).kind == kind


def test_a_guess_is_one_whatever_is_left_out():
    close = answer(likely=0.5, runner_up=0.4)
    assert origin([sentence(0, 0.9, "milk")], of=close) == AnswerOrigin(kind="guess")
    assert is_guess(close)
    assert not is_guess(answer(likely=0.5, runner_up=0.34))
    assert is_guess(answer(likely=0.15, runner_up=0.05), choices=10)
    assert not is_guess(answer(likely=0.25, runner_up=0.05), choices=10)
    assert not is_guess(answer(likely=0.98, runner_up=0.02), choices=2), "of two labels chance is a half"
    assert is_guess(answer(likely=0.55, runner_up=0.3), choices=2)
