"""A reader that points at the answer in the text: what is counted, compared, learnt and decoded."""

from ...data.corpora import Corpus, read
from ...wording import percent
from ..kind import ASK, TaskKind
from .reader import SpanReader
from .recipe import recipe
from .settings import SpanReaderSettings

__all__ = ["KIND", "SpanReader", "SpanReaderSettings"]

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


KIND = TaskKind(
    task=SpanReader,
    recipe=recipe,
    read=read,
    unit="questions",
    asks=True,
    use=ASK,
    does="points into the text",
    suits=suits,
)
