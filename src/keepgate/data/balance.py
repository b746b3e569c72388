"""Imbalance of training data: labels or tags that are rare beside others, and a few texts that hold much of it all."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..wording import count_of, percent
from .labelled import LabelledText
from .labelled_series import LabelledSeries
from .multilabel import MultilabelText, labels_of
from .questions import Question
from .series import Series
from .tagged import TaggedText

# A label is rare if the commonest one occurs more than ten times as often.
_RARE = 10
# So many texts are the longest ones, and this share of all characters is much for them: ten times their own.
_LONGEST, _MUCH = 0.01, 0.1
_SHOWN = 30
_LABELLED = (LabelledText, LabelledSeries)


def imbalance_of(items: Sequence[Any], unit: str, *, chosen: bool = False) -> list[str]:
    """What is uneven in these items, a sentence with figures and advice for each kind; none where nothing is.

    unit: what an item is called. chosen: whether the answers of questions are chosen from, as labels are. Texts with
    labels or tags, series and questions are looked at, others not.
    """
    tagged = [item for item in items if isinstance(item, TaggedText)]
    labels = [item.label for item in items if isinstance(item, _LABELLED) and item.label is not None]
    several = [label for item in items if isinstance(item, MultilabelText) for label in labels_of(item) or ()]
    answers = [item.answers[0] for item in items if chosen and isinstance(item, Question) and item.answers]
    sentences = [
        _of_classes(
            several or labels,
            "labels",
            "labels given" if several else unit,
            "accuracy hardly shows them, so judge by macro F1, weigh them (--set class_weights=balanced)",
        ),
        _of_classes(answers, "answers", unit, "exact match hardly shows them"),
        _of_classes(_tags_of(tagged), "tags", "tagged tokens", "figures of all tags hardly show them"),
        _of_lengths(items, unit),
        _of_series([len(item) for item in items if isinstance(item, Series)]),
    ]
    return [sentence for sentence in sentences if sentence]


def _tags_of(items: Sequence[TaggedText]) -> list[str]:
    """Every token's tag; where tags mark entities ("B-PER"), the kind of entity, and nothing for those outside."""
    tags = [tag for item in items for tag in item.tags or ()]
    marked = [tag[2:] for tag in tags if tag[1:2] == "-" and tag[2:]]
    return marked or tags


def _of_classes(classes: Sequence[str], names: str, unit: str, why: str) -> str:
    counts = Counter(classes).most_common()
    rare = [count for _, count in counts if count * _RARE < counts[0][1]]
    if not rare:
        return ""
    (commonest, most), (rarest, least) = counts[0], counts[-1]
    times = f"{count_of(least, 'times')} ({percent(least / len(classes))})"
    return (
        f"{len(rare):,} of {count_of(len(counts), names)} occur less than a tenth as often as {_short(commonest)!r} "
        f"({percent(most / len(classes))} of {len(classes):,} {unit}); the rarest, {_short(rarest)!r}, {times}: "
        f"{why}, and collect more of them."
    )


def _of_lengths(items: Sequence[Any], unit: str) -> str:
    measure = "steps" if items and isinstance(items[0], LabelledSeries) else "characters"
    sizes = sorted((size for size in map(_size, items) if size is not None), reverse=True)
    longest = round(_LONGEST * len(sizes))
    size_of_longest, total = sum(sizes[:longest]), sum(sizes)
    if size_of_longest <= _MUCH * total:
        return ""
    count = f"{longest:,} of {len(sizes):,}, of {sizes[longest - 1]:,} to {sizes[0]:,} {measure}"
    return (
        f"The longest {percent(longest / len(sizes))} of the {unit} ({count}) hold "
        f"{percent(size_of_longest / total)} of the {measure}: a batch takes the memory of its "
        "longest, so shorten them, or cut them into several."
    )


def _of_series(sizes: Sequence[int]) -> str:
    """Of series that are forecast: the steps of the short ones beside the longest."""
    short = [size for size in sizes if size * _RARE < max(sizes)]
    if not short:
        return ""
    return (
        f"{len(short):,} of {len(sizes):,} series have less than a tenth of the steps of the longest ({min(short):,} "
        f"beside {max(sizes):,}): the long ones give most windows, and what is learnt is mostly theirs, so measure the "
        "short ones by themselves, or give fewer of the long ones."
    )


def _size(item: Any) -> int | None:
    """Characters of a text, steps of a series; None of what is read as a stream."""
    if isinstance(item, LabelledSeries):
        return len(item.values)
    return len(item.text) if isinstance(item, LabelledText | Question) else None


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
