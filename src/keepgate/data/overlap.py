"""Overlap: what of the data that a model is measured on stands in its training data too, in a sentence."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..wording import count_of
from .labelled import LabelledText
from .labelled_series import LabelledSeries
from .questions import Question
from .series import Series

# Of texts that are read as one, so many passages of so many characters are looked for, fewer in large ones; how many
# characters may be compared for it, and which share of the passages is more than the phrases that all texts have.
_PASSAGES, _LONG, _COMPARED, _SHARE = 100, 100, 2_000_000_000, 0.05
# The share of the steps at the same times whose values are alike in one series that is there twice.
_ALIKE = 0.9


def overlap_of(
    items: Sequence[Any], dev: Sequence[Any], unit: str, *, stream: bool = False, look_back: int = 0
) -> str:
    """How much of `dev` is in the training data `items` too, with figures; "" where nothing is.

    unit: what an item is called. stream: whether the texts are read as one, and passages are compared; other texts,
    questions and labelled series are compared whole. look_back: steps of a series that are only read when it is
    measured, and which both may have. Series that stay in their files are not compared.
    """
    if stream:
        part = _passages(items, dev)
    elif dev and isinstance(dev[0], Series):
        part = _steps(items, dev, look_back)
    else:
        part = _whole(items, dev, unit)
    return part and f"{part} in the training data too: what it scores on them says nothing of new ones."


def _whole(items: Sequence[Any], dev: Sequence[Any], unit: str) -> str:
    counts = Counter(map(_content, dev))
    trained_on = {content for content in map(_content, items) if content in counts}
    repeated = sum(counts[content] for content in trained_on)
    return f"{repeated:,} of {count_of(len(dev), unit)} of --dev are" if repeated else ""


def _content(item: LabelledText | LabelledSeries | Question) -> Any:
    """What is read of an item, to be compared with others."""
    if isinstance(item, LabelledSeries):
        return item.values.shape, item.values.tobytes()
    return item.text, item.question


def _passages(items: Sequence[Any], dev: Sequence[Any]) -> str:
    """Piece by piece, so that neither part need fit into memory."""
    count = min(_PASSAGES, max(10, _COMPARED // max(1, sum(item.characters for item in items))))
    places = sum(len(piece) // _LONG for item in dev for piece in item.pieces())
    starts = (
        piece[at : at + _LONG]
        for item in dev
        for piece in item.pieces()
        for at in range(0, len(piece) - _LONG + 1, _LONG)
    )
    passages = list(islice(starts, 0, None, max(1, places // count)))
    trained_on: set[str] = set()
    for item in items:
        before = ""
        for piece in item.pieces():
            part = before + piece
            trained_on |= {passage for passage in passages if passage not in trained_on and passage in part}
            before = part[-_LONG + 1 :]
    repeated = sum(passage in trained_on for passage in passages)
    if repeated <= _SHARE * len(passages):
        return ""
    return f"{repeated:,} of {len(passages):,} passages of {_LONG} characters of --dev, taken evenly, stand"


def _steps(items: Sequence[Series], dev: Sequence[Series], look_back: int) -> str:
    by_name: dict[str, list[Series]] = defaultdict(list)
    for item in items:
        by_name[item.id].append(item)
    repeated = total = 0
    for item in dev:
        overlap = np.zeros(len(item), dtype=bool)
        for other in by_name[item.id]:
            if isinstance(other.targets, np.ndarray) and isinstance(item.targets, np.ndarray):
                overlap |= _in_both(item, other)
        first = max(item.first, look_back)
        repeated, total = repeated + int(overlap[first:].sum()), total + len(overlap[first:])
    return (
        f"{repeated:,} of the {count_of(total, 'steps')} of --dev that are forecast are" if repeated else ""
    )


def _in_both(item: Series, other: Series) -> NDArray[np.bool_]:
    """Which steps of a series another one has too, at the same times with the same values."""
    overlap = np.zeros(len(item), dtype=bool)
    if item.frequency != other.frequency or (item.start is None) != (other.start is None):
        return overlap
    later = 0.0
    if item.start is not None and other.start is not None:
        later = item.frequency.steps(np.array([item.start]), other.start)[0]
    offset = int(later)
    place = slice(max(0, -offset), max(0, min(len(item), len(other) - offset)))
    ours, theirs = item.targets[place], other.targets[place.start + offset : place.stop + offset]
    if later != offset or not len(ours):
        return overlap
    alike = ((ours == theirs) | (np.isnan(ours) & np.isnan(theirs))).all(1) & np.isfinite(ours).any(1)
    if alike.mean() >= _ALIKE:
        overlap[place] = alike
    return overlap
