"""Answer: a prediction with its probability, its place in the text, and the next most probable ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError

# So many of the most probable answers are listed.
CANDIDATES = 5


@dataclass(frozen=True)
class Answer:
    """One answer, or label, with its score, and where it stands.

    probability: the model's own, 0 to 1.
    start, end: characters of the question's text that spell this answer; None if it points nowhere.
    sentence: the sentence around it; None if it points nowhere.
    candidates: at most five answers with their probabilities, best first; this one is the first of them. A span
        reader may hold a less probable piece to be better: the one expected to overlap the right answer most.
    """

    text: str
    probability: float
    start: int | None = None
    end: int | None = None
    sentence: str | None = None
    candidates: tuple[tuple[str, float], ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The same as plain values, for JSON."""
        plain = asdict(self)
        plain["candidates"] = [{"text": text, "probability": share} for text, share in self.candidates]
        return plain


def candidates_of(
    probabilities: NDArray[np.floating], labels: Sequence[str]
) -> list[tuple[tuple[str, float], ...]]:
    """The most probable labels of each row, at most `CANDIDATES`, with their probabilities, best first.

    probabilities: [rows, labels].
    """
    count = min(CANDIDATES, len(labels))
    best = np.argpartition(-probabilities, count - 1, axis=1)[:, :count]
    shares = np.take_along_axis(probabilities, best, 1)
    order = np.lexsort((best, -shares), axis=1)
    best, shares = np.take_along_axis(best, order, 1), np.take_along_axis(shares, order, 1)
    return [
        tuple(zip((labels[k] for k in numbers), row, strict=True))
        for numbers, row in zip(best.tolist(), shares.tolist(), strict=True)
    ]


def check_finite(scores: Any) -> None:
    """Raises BundleError if a score is NaN or infinite: no answer can be read from such. scores: array or tensor."""
    finite = np.isfinite(scores) if isinstance(scores, np.ndarray) else scores.isfinite()
    if not finite.all():
        raise BundleError(
            "the model's scores are NaN or infinite, so that it has no answer: its weights are too large or not "
            "finite; train it again with a smaller learning rate, or take an earlier checkpoint"
        )
