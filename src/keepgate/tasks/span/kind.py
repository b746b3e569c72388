"""What a span reader registers: how it is trained, what it reads, which data suit it."""

from typing import Any

from ...data.corpora import Corpus, read
from ...wording import percent
from ..kind import ASK, AVERAGED_WEIGHTS, TaskKind
from .reader import SpanReader

# At least this share of the answers must stand in their texts for a reader that points to be worth training.
_MOSTLY = 0.5


def suits(corpus: Corpus) -> tuple[bool, str]:
    """Whether most answers stand in their texts, and the figures in words."""
    share = corpus.share_in_text
    inside = f"{'all' if share == 1 else percent(share)} of the answers stand in their texts"
    if share >= _MOSTLY:
        answers = len({question.answers[0] for question in corpus.questions})
        return True, f"{inside}, and {answers:,} of {len(corpus.questions):,} differ"
    return False, f"only {inside}, which is too few to point at"


def recipe(examples: int) -> dict[str, Any]:
    """What `bench/cmrc2018.py` measures: windows at random around the answer, and a moving average of the weights.

    In float32: autocast="bfloat16" is faster where the processor has instructions for it, and other weights.
    """
    return {
        "steps": max(400, round(0.17 * examples)),
        "batch_size": 32,
        **AVERAGED_WEIGHTS,
    }


KIND = TaskKind(
    task=SpanReader,
    recipe=recipe,
    read=read,
    unit="questions",
    asks=True,
    takes_vectors=True,
    use=ASK,
    does="points into the text",
    suits=suits,
)
