"""What a multilabel classifier answers, and what its files hold beside settings and weights; without torch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.multilabel import MultilabelText
from ...errors import CorpusError, SettingsError, nearest_first
from ..answer import CANDIDATES, Answer

# The answer where no label reaches its threshold.
NO_LABEL = "no label"
_LEAST = 1e-300


def text_with_labels(text: str, question: str | None, labels: Sequence[str]) -> MultilabelText:
    """A text to predict the labels of. question: the label that is explained, None all of them together.

    Raises SettingsError for one that the model has not.
    """
    if question is not None and question not in labels:
        raise SettingsError(
            f"{question!r} is none of this classifier's labels, which is what may be asked about; they are "
            f"{', '.join(nearest_first(question, labels))}"
        )
    return MultilabelText(text=text, focus=question)


def texts_counted(plain: Mapping[str, Any]) -> int | None:
    """How many texts it was trained on; None where the files do not say. Raises CorpusError for what is no count."""
    texts = plain.get("texts")
    if texts is not None and (type(texts) is not int or texts < 1):
        raise CorpusError('"texts" is how many texts were trained on, 1 or more')
    return texts


def names_given(given: NDArray[np.bool_], labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that are given. given: of each label, whether it is."""
    return tuple(label for label, has in zip(labels, given.tolist(), strict=True) if has)


def as_text(names: Sequence[str]) -> str:
    """Labels as one text."""
    return ", ".join(names) or NO_LABEL


def answer_from(
    probabilities: NDArray[np.floating],
    thresholds: NDArray[np.floating],
    labels: Sequence[str],
    focus: str | None = None,
) -> Answer:
    """The labels whose probability reaches its threshold, as one answer.

    Its probability is that of exactly these, were the labels independent of each other given the text; the other
    candidates differ in one label, and none is likelier. focus: only this label is told of, or that it is not given.
    """
    if focus is not None:
        share = float(probabilities[labels.index(focus)])
        both = [(focus, share), (f"not {focus}", 1 - share)]
        first = 0 if share >= thresholds[labels.index(focus)] else 1
        return Answer(*both[first], candidates=(both[first], both[1 - first]))
    decided, shares = probabilities >= thresholds, probabilities.astype(np.float64)
    of_decision = np.log(np.maximum(np.where(decided, shares, 1 - shares), _LEAST))
    flip_log_odds = np.log(np.maximum(np.where(decided, 1 - shares, shares), _LEAST)) - of_decision
    total = of_decision.sum()
    candidates = [(as_text(names_given(decided, labels)), float(np.exp(total)))]
    for k in np.argsort(-flip_log_odds, kind="stable"):
        if len(candidates) < CANDIDATES and flip_log_odds[k] <= 0:
            other = decided.copy()
            other[k] = not other[k]
            candidates.append((as_text(names_given(other, labels)), float(np.exp(total + flip_log_odds[k]))))
    return Answer(*candidates[0], candidates=tuple(candidates))
