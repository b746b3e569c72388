"""Text is drawn from the model's own probabilities, by temperature, top-p and seed."""

import math

import numpy as np
import pytest
import torch

from keepgate.errors import BundleError, SettingsError
from keepgate.tasks.language_model import LanguageModel, Writer
from keepgate.tasks.language_model.tokens import texts_of, tokens_of

from .test_model import TEXT, built

LOGITS = np.array([9.0, 9.0, *(math.log(share) for share in (1, 4, 2, 3))], np.float32)


def text_of(task: LanguageModel, prompt: str = "Ann", tokens: int = 40, **options: float) -> str:
    return "".join(Writer(task, **options).write(prompt, tokens))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "shares"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0.5}, [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        ({"top_p": 0.65}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 1e-9}, [0, 1, 0, 0]),
        ({"temperature": 1e-308}, [0, 1, 0, 0]),
        ({"temperature": 1e300}, [0.25] * 4),
    ],
)
def test_shares_are_those_by_hand(options: dict[str, float], shares: list[float]) -> None:
    drawn = Writer(built(), **options).shares(LOGITS)  # type: ignore[arg-type]
    assert drawn.tolist() == pytest.approx([0, 0, *shares])


def test_the_most_probable_tokens_are_those_of_the_model_run_whole() -> None:
    task = built(cell="gru", num_layers=2).eval()
    text = "Ann"
    for _ in range(12):
        logits = task(task.collate(task.prepare([task.item(text)], training=False)))[-1, 0]
        logits[:2] = -math.inf
        text += task.vocabulary.token(int(logits.argmax()))
    assert "Ann" + text_of(task, tokens=12, top_p=1e-9) == text


def test_a_seed_writes_the_same_text_and_another_another() -> None:
    task = built()
    assert text_of(task, seed=3) == text_of(task, seed=3) != text_of(task, seed=4)
    assert len(text_of(task)) == 40


def test_tokens_are_drawn_as_often_as_they_are_probable() -> None:
    task = built("abc")
    with torch.no_grad():
        task.readout.weight.zero_()
        task.readout.bias.copy_(torch.tensor([0, 0, *(math.log(share) for share in (0.5, 0.3, 0.2))]))
    text = text_of(task, "a", 3000)
    # Six standard errors.
    for letter, share in zip("abc", (0.5, 0.3, 0.2), strict=True):
        assert abs(text.count(letter) / 3000 - share) < 6 * math.sqrt(share * (1 - share) / 3000)


def test_each_token_comes_as_soon_as_it_is_drawn() -> None:
    endless = Writer(built()).write("Ann", 10**12)
    assert len([next(endless) for _ in range(5)]) == 5


@pytest.mark.parametrize("text", ["Ann sees\nBob  sees\n\n the sea.", "\n\nAnn", " a b "])
def test_words_are_put_together_again_with_single_blanks(text: str) -> None:
    tokens = tokens_of(text, "words").texts
    again = "".join(texts_of(tokens, "words", "\n"))
    assert again.split() == text.split()
    assert tokens_of(again, "words").texts == tokens
    assert "".join(texts_of(("b", "\n", "c"), "words", "a")) == " b\nc"
    assert "".join(texts_of(tokens_of(text, "characters").texts, "characters", "a")) == text


@pytest.mark.parametrize(
    ("options", "prompt", "says"),
    [
        ({"temperature": 0.0}, "Ann", "temperature is 0.0; it must be finite and above 0"),
        ({"temperature": -1.0}, "Ann", "temperature is -1.0"),
        ({"temperature": math.inf}, "Ann", "temperature is inf"),
        ({"temperature": math.nan}, "Ann", "temperature is nan"),
        ({"top_p": 0.0}, "Ann", "top_p is 0.0; it must be above 0 and at most 1"),
        ({"top_p": 1.01}, "Ann", "top_p is 1.01"),
        ({"top_p": math.nan}, "Ann", "top_p is nan"),
        ({"seed": -1}, "Ann", "seed is -1"),
        ({"seed": 2**70}, "Ann", "seed is"),
        ({}, "", "the prompt is empty"),
        ({}, "Ann漢", "the prompt has '漢', which was not among the characters"),
        ({}, "αβγδεζη", "the prompt has 'α', 'β', 'γ', 'δ', 'ε' and 2 more, which were not"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_written(
    options: dict[str, float], prompt: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        Writer(built(), **options).write(prompt, 5)  # type: ignore[arg-type]


def test_scores_that_are_not_finite_write_nothing() -> None:
    task = built(TEXT)
    with torch.no_grad():
        task.readout.bias[3] = math.nan
    with pytest.raises(BundleError, match="NaN or infinite"):
        text_of(task)
