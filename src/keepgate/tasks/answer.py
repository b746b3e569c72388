"""Answer: a prediction with its probability, its place in the text, and the next most probable ones."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float
from torch import Tensor

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
    probabilities: Float[Tensor, "rows labels"], labels: Sequence[str]
) -> list[tuple[tuple[str, float], ...]]:
    """The most probable labels of each row, at most `CANDIDATES`, with their probabilities, best first."""
    best = probabilities.topk(min(CANDIDATES, len(labels)), 1)
    return [
        tuple(zip((labels[k] for k in numbers), shares, strict=True))
        for numbers, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]


def check_finite(scores: Tensor) -> None:
    """Raises BundleError if a score is NaN or infinite: no answer can be read from such."""
    if not torch.isfinite(scores).all():
        raise BundleError(
            "the model's scores are NaN or infinite, so that it has no answer: its weights are too large or not "
            "finite; train it again with a smaller learning rate, or take an earlier checkpoint"
        )
