"""Cross entropy in nats a token, perplexity and bits a character, beside guessing and token frequencies."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..measure import Measurement, Metric, Rows

METRICS = (
    Metric(name="nats", title="cross entropy", unit="nats a token", higher_is_better=False),
    Metric(name="perplexity", title="perplexity", unit="", higher_is_better=False),
    Metric(name="bits_per_character", title="cross entropy a character", unit="bits", higher_is_better=False),
)
# Neighbouring tokens are hard or easy together: an interval draws blocks of so many again, not tokens.
BLOCK = 256


@dataclass(frozen=True, eq=False)
class Surprise:
    """What each predicted token of one text cost. id: of the text.

    nats: -log of its probability. ids: its number. sizes: the characters from the token before it to its own end.
    """

    id: str
    nats: NDArray[np.float64]
    ids: NDArray[np.int64]
    sizes: NDArray[np.int64]


def measure_surprise(texts: Sequence[Surprise], unknown: int, vocabulary: int) -> Measurement:
    """The metrics over blocks of consecutive tokens, the records. unknown: the number of the unknown token."""
    records = [
        {
            "id": text.id, "from": start, "tokens": len(text.nats[start : start + BLOCK]),
            "characters": int(text.sizes[start : start + BLOCK].sum()),
            "unknown": int((text.ids[start : start + BLOCK] == unknown).sum()),
            "nats": float(text.nats[start : start + BLOCK].sum()),
        }
        for text in texts
        for start in range(0, len(text.nats), BLOCK)
    ]  # fmt: skip
    nats, tokens, characters = (
        np.array([record[name] for record in records], dtype=np.float64)
        for name in ("nats", "tokens", "characters")
    )
    counts = np.array(list(Counter(np.concatenate([text.ids for text in texts]).tolist()).values()))
    shares = counts / counts.sum()

    def per_token(rows: Rows) -> float:
        return float(nats[rows].sum() / tokens[rows].sum())

    def per_character(rows: Rows) -> float:
        return float(nats[rows].sum() / characters[rows].sum() / math.log(2))

    def without_model(cost: float) -> dict[str, float]:
        bits = cost * tokens.sum() / characters.sum() / math.log(2)
        return {"nats": cost, "perplexity": math.exp(cost), "bits_per_character": float(bits)}

    return Measurement(
        records=records,
        scores={
            "nats": per_token,
            "perplexity": lambda rows: _exp(per_token(rows)),
            "bits_per_character": per_character,
        },
        baselines={
            "guessing": without_model(math.log(vocabulary)),
            "frequencies of this text": without_model(float(-(shares * np.log(shares)).sum())),
        },
    )


def _exp(nats: float) -> float:
    """e to this power; infinity where no float holds it."""
    return math.exp(nats) if nats < 709 else math.inf
