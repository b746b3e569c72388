"""Cross entropy in nats a token, perplexity and bits a character, beside guessing and token frequencies."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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


# Nats, numbers and sizes of some predicted tokens: -log of the probability of each, its number in the vocabulary, and
# the characters from the token before it to its own end.
Costs = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Surprise:
    """What the predicted tokens of one text cost.

    records: of each block of consecutive tokens. counts: how often each number of the vocabulary is among them.
    """

    records: list[dict[str, Any]]
    counts: NDArray[np.int64]


def surprise_of(id: str, parts: Iterable[Costs], unknown: int, vocabulary: int) -> Surprise:
    """The blocks of a text whose tokens come part by part. id: of the text. unknown: the number of that token."""
    records: list[dict[str, Any]] = []
    counts = np.zeros(vocabulary, np.int64)
    pending: list[NDArray[Any]] = [np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64)]

    def add(nats: NDArray[np.float64], ids: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        records.append({
            "id": id, "from": BLOCK * len(records), "tokens": len(nats), "characters": int(sizes.sum()),
            "unknown": int((ids == unknown).sum()), "nats": float(nats.sum()),
        })  # fmt: skip

    for part in parts:
        counts += np.bincount(part[1], minlength=vocabulary)
        pending = [np.concatenate(pair) for pair in zip(pending, part, strict=True)]
        whole = len(pending[0]) // BLOCK * BLOCK
        for start in range(0, whole, BLOCK):
            add(*(array[start : start + BLOCK] for array in pending))
        pending = [array[whole:] for array in pending]
    if len(pending[0]):
        add(*pending)
    return Surprise(records, counts)


def measure_surprise(texts: Sequence[Surprise]) -> Measurement:
    """The metrics over blocks of consecutive tokens, the records."""
    records = [record for text in texts for record in text.records]
    nats, tokens, characters = (
        np.array([record[name] for record in records], dtype=np.float64)
        for name in ("nats", "tokens", "characters")
    )
    counts = np.sum([text.counts for text in texts], axis=0)
    shares = counts[counts > 0] / counts.sum()

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
            "guessing": without_model(math.log(len(counts))),
            "frequencies of this text": without_model(float(-(shares * np.log(shares)).sum())),
        },
    )


def _exp(nats: float) -> float:
    """e to this power; infinity where no float holds it."""
    return math.exp(nats) if nats < 709 else math.inf
