"""Writer: text sampled from a language model, token by token, through a stepper."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...data.vocabulary import SPECIAL, UNKNOWN
from ...errors import SettingsError
from ..answer import check_finite
from .settings import LanguageModelSettings
from .tokeniser import Tokeniser

# Unknown tokens that an error names.
_LISTED = 5


class Writes(Protocol):
    """A language model, on torch or without it."""

    settings: LanguageModelSettings
    tokeniser: Tokeniser

    def continuation(self) -> Callable[[int], NDArray[Any]]:
        """From each next token's number to the scores of the token after it, the states inside."""


class Writer:
    """Goes on with a text.

    temperature: above 0; the logits are divided by it, so that below 1 the probable tokens become more probable yet.
    top_p: above 0 and up to 1; each token is drawn from the most probable ones that have this share together (nucleus
        sampling, Holtzman et al. 2020, arXiv:1904.09751).
    seed: of the draws.
    Raises SettingsError for a value outside these.
    """

    def __init__(self, task: Writes, *, temperature: float = 1.0, top_p: float = 1.0, seed: int = 0) -> None:
        if not 0 < temperature < math.inf:
            raise SettingsError(
                f"temperature is {temperature}; it must be finite and above 0 (0.01 takes nearly always the most "
                "probable token)"
            )
        if not 0 < top_p <= 1:
            raise SettingsError(
                f"top_p is {top_p}; it must be above 0 and at most 1 (1 draws from all tokens)"
            )
        if not 0 <= seed < 2**63:
            raise SettingsError(f"seed is {seed}; it must be 0 or more and below 2**63")
        self.task, self.temperature, self.top_p = task, temperature, top_p
        self._draws = np.random.default_rng(seed)

    def write(self, prompt: str, tokens: int) -> Iterator[str]:
        """So many tokens after the prompt, each as what it adds to the text, as soon as it is drawn.

        Raises SettingsError for a prompt that is empty or has tokens that the model does not know, BundleError if the
        scores are not finite.
        """
        tokeniser = self.task.tokeniser
        start, ids = tokeniser.tokens(prompt).texts, tokeniser.ids(prompt).tolist()
        self._check(start, ids)
        return tokeniser.texts(islice(self._tokens(ids), tokens), start[-1])

    def shares(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """The probability with which each token is drawn; the two special ones never are."""
        scores = logits.astype(np.float64)
        scores[: len(SPECIAL)] = -math.inf
        with np.errstate(over="ignore"):  # a low temperature makes what is below the greatest -inf
            powers = np.exp((scores - scores.max()) / self.temperature)
        shares = powers / powers.sum()
        order = np.argsort(-shares, kind="stable")
        ordered = shares[order]
        ordered[np.cumsum(ordered) - ordered >= self.top_p] = 0
        drawn: NDArray[np.float64] = np.zeros_like(shares)
        drawn[order] = ordered / ordered.sum()
        return drawn

    def _tokens(self, start: Sequence[int]) -> Iterator[str]:
        continuation, vocabulary = self.task.continuation(), self.task.tokeniser.vocabulary
        for number in start:
            logits = continuation(number)
        while True:
            check_finite(logits)
            number = int(self._draws.choice(len(logits), p=self.shares(logits)))
            yield vocabulary.token(number)
            logits = continuation(number)

    def _check(self, start: Sequence[str], ids: Sequence[int]) -> None:
        if not start:
            raise SettingsError("the prompt is empty; give the beginning of a text")
        tokens = zip(start, ids, strict=True)
        unknown = list(dict.fromkeys(token for token, number in tokens if number == UNKNOWN))
        if unknown:
            more = f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
            listed = ", ".join(map(repr, unknown[:_LISTED]))
            raise SettingsError(
                f"the prompt has {listed}{more}, which {'was' if len(unknown) == 1 else 'were'} not among the "
                f"{self.task.settings.tokens} that the model learnt; leave it out"
            )
