"""What a classifier's files hold beside settings and weights, and the texts that it reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...data.labelled import LabelledText
from ...data.text import words
from ...data.vocabulary import Vocabulary
from ...errors import CorpusError, SettingsError


def check_labels(labels: Sequence[str], fewest: int = 2) -> None:
    """Raises CorpusError unless there are so many labels or more, all different."""
    if len(set(labels)) < fewest or len(set(labels)) < len(labels):
        count = "two or more different labels" if fewest == 2 else "one label or more, all different"
        raise CorpusError(f"a classifier needs {count}, got {list(labels)}")


def counts_of(plain: Mapping[str, Any], labels: Sequence[str]) -> list[int] | None:
    """How often each label occurs in the training data; None where the files do not say.

    Raises CorpusError for what are no counts of these labels.
    """
    counts = plain.get("label_counts")
    if counts is None:
        return None
    whole = isinstance(counts, list) and all(type(count) is int and count >= 1 for count in counts)
    if not whole or len(counts) != len(labels):
        raise CorpusError(f'"label_counts" has a count of 1 or more for each of the {len(labels)} labels')
    return [*counts]


def vocabulary_of(plain: Mapping[str, Any]) -> tuple[Vocabulary, Vocabulary, list[str]]:
    """Tokens, pairs and labels, each in the order of their numbers. Raises CorpusError for another form."""
    labels = plain.get("labels")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise CorpusError('a classifier\'s vocabulary has "tokens", "pairs" and "labels", all lists of texts')
    tokens, pairs = (Vocabulary.from_json(plain.get(name)) for name in ("tokens", "pairs"))
    return tokens, pairs, labels


def text_to_label(text: str, question: str | None) -> LabelledText:
    """A text to predict the label of. Raises SettingsError for a question: a classifier is not asked any."""
    if question is not None:
        raise SettingsError("a classifier predicts a text's label and takes no question; leave it out")
    return LabelledText(text=text)


def words_of(item: LabelledText) -> list[str]:
    """The tokens of a text, in lower case. Raises CorpusError if there are none."""
    text = words(item.text)
    if not text:
        raise CorpusError(f"text {item.id!r} is empty; give one with something in it")
    return text
