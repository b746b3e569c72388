"""No more is claimed of an answer's origin than leaving out has shown."""

import pytest

from keepgate.lens.readers import SpanEffect, TokenEffect, answer_origin, is_guess
from keepgate.tasks.answer import Answer


def origin(probability, sentences, tokens):
    """The origin of an answer "A" to three sentences of four tokens and a question of four, from such ablations."""
    answer = Answer("A", probability, candidates=(("A", probability), ("B", 0.01)))
    return answer_origin(
        answer,
        [
            SpanEffect(start=start, end=end, probability_drop=share, without=Answer(to, 0.9))
            for start, end, share, to in sentences
        ],
        [
            TokenEffect(step=step, token="", probability_drop=share, without=Answer(to, 0.9))
            for step, share, to in tokens
        ],
        question_start=12,
        choices=16,
    )


NOTHING = [(0, 4, 0.001, "A"), (4, 8, 0.0, "A"), (8, 12, 0.0, "A"), (12, 16, 0.01, "A")]
SECOND = [(0, 4, 0.4, "A"), (4, 8, 0.99, "B"), *NOTHING[2:]]
SEVERAL = [(0, 4, 1.0, "B"), (4, 8, 1.0, "C"), (8, 12, 1.0, "B"), NOTHING[3]]
NONE = [(1, 0.001, "A")]


@pytest.mark.parametrize(
    ("probability", "sentences", "tokens", "kind"),
    [
        (0.10, SECOND, NONE, "guess"),
        (0.50, SECOND, NONE, "unsure"),
        (0.99, NOTHING, NONE, "nothing"),
        (0.99, [(0, 4, 0.3, "A"), *NOTHING[1:]], NONE, "spread"),
        (0.99, SEVERAL, NONE, "spread"),
        (0.99, SEVERAL, [(5, 0.9, "C"), (1, 0.8, "B")], "spread"),
        (0.99, [*NOTHING[:3], (12, 16, 0.9, "B")], NONE, "question"),
        (0.99, SECOND, NONE, "sentence"),
    ],
)
def test_the_kind_of_an_origin(probability, sentences, tokens, kind):
    assert origin(probability, sentences, tokens).kind == kind


def test_the_sentence_is_the_one_that_changes_the_answer_not_the_one_that_weighs_most():
    found = origin(0.99, SECOND, [(0, 0.3, "A"), (1, 0.3, "A")])
    assert (found.start, found.end, found.deciding) == (4, 8, 1)
    assert isinstance(found.proof, SpanEffect)


def test_one_token_of_a_sentence_is_proof_where_the_whole_sentence_is_none():
    found = origin(0.99, NOTHING, [(1, 0.99, "B")])
    assert (found.start, found.end, found.proof.step) == (0, 4, 1)


def test_of_several_deciding_sentences_it_is_the_one_with_the_only_deciding_token():
    """Ablated, a sentence still erases."""
    found = origin(0.99, SEVERAL, [(5, 0.9, "C")])
    assert (found.start, found.end, found.deciding) == (4, 8, 3)
    assert isinstance(found.proof, SpanEffect)


def test_a_guess_is_rarer_than_twice_chance_or_tied_with_the_next() -> None:
    def guessed(first: float, second: float, choices: int | None) -> bool:
        return is_guess(Answer("a", first, candidates=(("a", first), ("b", second))), choices)

    assert guessed(0.12, 0.06, 16)
    assert not guessed(0.13, 0.06, 16)
    assert guessed(0.48, 0.45, 16)
    assert not guessed(0.48, 0.40, 16)
    assert not guessed(0.12, 0.06, None)  # who points into a text has no such chance
    assert not is_guess(Answer("a", 1.0, candidates=(("a", 1.0),)), 1)
