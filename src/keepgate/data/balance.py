"""Imbalance of training data: labels or tags that are rare beside others, and a few texts that hold much of it all."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..wording import count_of, percent
from .labelled_series import LabelledSeries
from .questions import Question
from .series import Series
from .tally import Tally

# A label is rare if the commonest one occurs more than ten times as often.
_RARE = 10
# So many texts are the longest ones, and this share of all characters is much for them: ten times their own.
_LONGEST, _MUCH = 0.01, 0.1
_SHOWN = 30


def imbalance_of(items: Sequence[Any], unit: str, *, chosen: bool = False) -> list[str]:
    """What is uneven in these items, a sentence with figures and advice for each kind; none where nothing is.

    unit: what an item is called. chosen: whether the answers of questions are chosen from, as labels are. Texts with
    labels or tags, series and questions are looked at, others not.
    """
    tally, first = Tally.of(items), items[0] if items else None
    questions = [item for item in items if isinstance(item, Question)] if chosen else []
    answers = Counter(question.answers[0] for question in questions if question.answers)
    sentences = [
        _of_classes(
            tally.several or tally.labels,
            "labels",
            "labels given" if tally.several else unit,
            "accuracy hardly shows them, so judge by macro F1, weigh them (--set class_weights=balanced)",
        ),
        _of_classes(answers, "answers", unit, "exact match hardly shows them"),
        _of_classes(_tags_of(tally.tags), "tags", "tagged tokens", "figures of all tags hardly show them"),
        _of_lengths(tally.sizes, unit, "steps" if isinstance(first, LabelledSeries) else "characters"),
        _of_series(
            [len(item) for item in items if isinstance(item, Series)] if isinstance(first, Series) else []
        ),
    ]
    return [sentence for sentence in sentences if sentence]


def _tags_of(tags: Counter[str]) -> Counter[str]:
    """Every token's tag; where tags mark entities ("B-PER"), the kind of entity, and nothing for those outside."""
    marked: Counter[str] = Counter()
    for tag, count in tags.items():
        if tag[1:2] == "-" and tag[2:]:
            marked[tag[2:]] += count
    return marked or tags


def _of_classes(classes: Counter[str], names: str, unit: str, why: str) -> str:
    counts = classes.most_common()
    rare = [count for _, count in counts if count * _RARE < counts[0][1]]
    if not rare:
        return ""
    (commonest, most), (rarest, least) = counts[0], counts[-1]
    total = classes.total()
    times = f"{count_of(least, 'times')} ({percent(least / total)})"
    return (
        f"{len(rare):,} of {count_of(len(counts), names)} occur less than a tenth as often as {_short(commonest)!r} "
        f"({percent(most / total)} of {total:,} {unit}); the rarest, {_short(rarest)!r}, {times}: "
        f"{why}, and collect more of them."
    )


def _of_lengths(lengths: Sequence[int], unit: str, measure: str) -> str:
    sizes = np.sort(np.array(lengths, dtype=np.int64))[::-1]
    longest = round(_LONGEST * len(sizes))
    size_of_longest, total = int(sizes[:longest].sum()), int(sizes.sum())
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


def _short(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN - 1]}…"
