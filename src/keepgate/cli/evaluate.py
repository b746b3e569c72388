"""keepgate evaluate: how often a model is right on data whose answers or labels are known."""

import json as json_text
import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from ..data.corpora.values import listed_near
from ..errors import BundleError
from ..wording import amount, because, count_of, percent, sanitize
from .console import make_console, one_line, print_json, print_text, seconds, table
from .inputs import (
    BatchSize,
    LabelColumn,
    LabelSeparator,
    Model,
    SeriesColumn,
    TextColumn,
    at_least_one,
    columns_for,
    refuse_options,
)
from .output_paths import check_writable

if TYPE_CHECKING:
    from ..tasks.measure import Measurement, Metric
    from ..tasks.task import Task

EPILOGUE = """Examples:

  keepgate evaluate my-reader dev.json
  keepgate evaluate my-reader dev.json --out predictions.jsonl --json
  keepgate evaluate my-classifier test.csv --label-column stars

Exact match: the answer is one of the right ones, punctuation and capitals aside. F1 by the longest common substring is
CMRC2018's, F1 by the bag of words (of characters, in Chinese) is SQuAD's. Of questions that their texts do not answer
(SQuAD 2.0) these are given apart ("unanswerable"). Macro F1 is the mean of the labels' F1,
calibration error the mean distance of the probabilities from the shares of labels that are right (15 bins). MASE is
the error beside that of the naive forecast before the first window, and has no value where nothing changes there. A row
"always ..." is what is had without a model."""

# A confusion matrix of more labels does not fit on a screen.
_CONFUSED = 12
_LABELS = 40
_HARDLY_ANY = 0.01


def evaluate(
    model: Model,
    data: Annotated[
        list[Path],
        Parameter(
            help="Questions with answers (SQuAD's JSON, JSON lines, TSV, bAbI), texts with labels (CSV, TSV, JSON "
            "lines) or tags (columns, CoNLL-U, JSON lines), or a language model's plain text; - reads "
            "standard input.",
            allow_leading_hyphen=True,
            validator=refuse_options,
        ),
    ],
    /,
    *,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    label_separator: LabelSeparator = None,
    series_column: SeriesColumn = None,
    out: Annotated[
        Path | None, Parameter(help="Write each prediction, with its scores, as a line of JSON.")
    ] = None,
    batch_size: BatchSize = 64,
    json: Annotated[bool, Parameter(help="The figures as one JSON object.")] = False,
) -> None:
    """Measure a model on data whose answers or labels are known.

    Prints each measure in per cent with the interval that holds 95% of bootstrap samples, beside what is had without a
    model; for a classifier also the confusion matrix, or the figures of each label where a text may have several.
    """
    at_least_one(batch_size=batch_size)
    if out is not None:
        check_writable(out)
    from ..export import load
    from ..tasks import KINDS

    task = load(model)
    kind = KINDS[task.kind]
    columns = {
        "text_column": text_column, "label_column": label_column, "label_separator": label_separator,
        "series_column": series_column,
    }  # fmt: skip
    corpus = kind.read_for(task, data, **columns_for(kind, columns))
    if corpus.left_out or getattr(corpus, "notes", None):
        print_text(make_console(errors=True), sanitize(corpus.account()))
    started = time.perf_counter()
    measurement = measure_with_bar(task, corpus.items, kind.unit, batch_size=batch_size)
    took = time.perf_counter() - started
    print_impossible(make_console(errors=True), task, corpus.items, kind.unit, measurement)
    if out is not None:
        write_records(out, measurement.records)
    if json:
        counts = {kind.unit: len(corpus.items), "left_out": len(corpus.left_out), "seconds": took}
        print_json(counts | _as_json(measurement))
        return
    console = make_console()
    print_text(
        console, f"{count_of(len(corpus.items), kind.unit)} ({corpus.format}), read in {seconds(took)}"
    )
    console.print(_metric_table(task, measurement))
    _print_without_value(console, task, measurement, kind.unit)
    _print_by_label(console, measurement)
    _print_confusion(console, measurement)


def _print_without_value(console: Console, task: "Task", measurement: "Measurement", unit: str) -> None:
    """Which metrics have no finite value on these items."""
    values = measurement.values()
    without = [metric.title for metric in task.metrics if not math.isfinite(values.get(metric.name, 0.0))]
    if without:
        print_text(
            console, f"–: nothing in these {unit} gives a finite value of {', '.join(without)}.", "yellow"
        )


def _metric_table(task: "Task", measurement: "Measurement") -> Table:
    """Each metric with its interval, beside the baselines: shares in per cent, others in their unit."""
    values, rows = measurement.values(), []
    for metric in task.metrics:
        if metric.name not in values:
            continue
        low, high = (_number(metric, end) for end in measurement.interval(metric.name))
        interval = f"{low} to {high}" if math.isfinite(values[metric.name]) else low
        baselines = (baseline.get(metric.name) for baseline in measurement.baselines.values())
        beside = ("" if value is None else _number(metric, value) for value in baselines)
        unit = "per cent" if metric.unit == "share" else metric.unit
        rows.append((metric.title, _number(metric, values[metric.name]), unit, interval, *beside))
    names = map(one_line, measurement.baselines)
    if all(metric.unit == "share" for metric in task.metrics):
        return table(("", "per cent", "95% interval", *names), [(row[0], row[1], *row[3:]) for row in rows])
    return table(("", "value", "unit", "95% interval", *names), rows)


def metric_text(metric: "Metric", value: float) -> str:
    """A metric's value with its unit: "91.3%", "1.530 nats a token"."""
    return percent(value) if metric.unit == "share" else f"{_number(metric, value)} {metric.unit}".rstrip()


def _number(metric: "Metric", value: float) -> str:
    """Without its unit: a share in per cent with one decimal, another with three; a dash where there is none."""
    return amount(100 * value) if metric.unit == "share" else amount(value, 3)


def _as_json(measurement: "Measurement") -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in measurement.values().items():
        low, high = measurement.interval(name)
        fields[name] = {"mean": _finite(value), "low": _finite(low), "high": _finite(high)}
    fields["baselines"] = {
        title: {name: _finite(value) for name, value in values.items()}
        for title, values in measurement.baselines.items()
    }
    if measurement.by_label:
        fields["labels"] = {
            label: {name: _finite(value) for name, value in figures.items()}
            for label, figures in measurement.by_label.items()
        }
    if measurement.confusion is not None:
        labels, counts = measurement.confusion
        fields["confusion"] = {"labels": list(labels), "counts": counts.tolist()}
    return fields


def _finite(value: float) -> float | None:
    """A value for JSON, which has neither NaN nor infinity."""
    return value if math.isfinite(value) else None


def measure_with_bar(task: "Task", items: Sequence[Any], unit: str, *, batch_size: int = 64) -> "Measurement":
    """The task measured on these items, with a bar on stderr once it has taken two seconds."""
    from ..progress import ProgressBar

    with ProgressBar(len(items), unit=unit) as bar:
        return task.measure(items, batch_size=batch_size, on_progress=bar.update)


def print_impossible(
    console: Console, task: "Task", items: Sequence[Any], unit: str, measurement: "Measurement"
) -> None:
    """Says how many of the measured items the model cannot get right, whatever it reads, and why.

    A reader that points can give nearly any answer: whether it can is looked at only where it gave hardly one.
    """
    from ..tasks.tagger import Tagger
    from ..tasks.task import Chooses, Streams

    first = measurement.values()[task.metrics[0].name]
    if isinstance(task, Streams) or (
        task.choices is None and not measurement.by_label and first >= _HARDLY_ANY
    ):
        return

    def say(count: int, every: str, reason: str, unknown: str) -> None:
        share = f"{count:,} of {every} cannot be right{because(count, reason)}."
        print_text(console, f"{share}{unknown}", "yellow")

    reasons = [task.unlearnable(example) for example in task.prepare(items, training=False)]
    for reason, count in Counter(reasons).items():
        if reason is not None:
            item = items[reasons.index(reason)]
            first_unknown = (
                _first_unknown(task.right_of(item), task.labels) if isinstance(task, Chooses) else ""
            )
            say(count, count_of(len(items), unit), reason, first_unknown)
    if isinstance(task, Tagger) and task.text_labels:
        labels = [item.label for item in items if item.tags is not None and item.label is not None]
        unknown = [label for label in labels if label not in task.text_labels]
        if unknown:
            every = f"{count_of(len(labels), 'labels')} of whole texts"
            first_unknown = _first_unknown(unknown, task.text_labels)
            say(len(unknown), every, "it is none of the model's", first_unknown)


def _first_unknown(names: Sequence[str], choices: Sequence[str]) -> str:
    """A sentence on the first of some tags, labels or answers that is none of the model's; "" where all are."""
    name = next((name for name in names if name not in choices), None)
    if name is None:
        return ""
    return sanitize(f" The first is {name!r}; the model has {listed_near(name, choices, _CONFUSED)}.")


def _print_by_label(console: Console, measurement: "Measurement") -> None:
    """Precision, recall and F1 of each label, the commonest first."""
    figures = sorted(measurement.by_label.items(), key=lambda pair: -pair[1]["texts"])
    rows = [
        (
            one_line(label),
            f"{of['texts']:,.0f}",
            *(amount(100 * of[name]) for name in ("precision", "recall", "f1")),
        )
        for label, of in figures[:_LABELS]
    ]
    if rows:
        console.print()
        console.print(table(("label", "texts", "precision", "recall", "F1"), rows))
    if len(figures) > _LABELS:
        print_text(console, f"and {len(figures) - _LABELS:,} rarer labels (--json has all)", "dim")


def _print_confusion(console: Console, measurement: "Measurement") -> None:
    if measurement.confusion is None or len(measurement.confusion[0]) > _CONFUSED:
        return
    labels, counts = measurement.confusion
    names = [one_line(label) for label in labels]
    rows = [(name, *map("{:,}".format, row)) for name, row in zip(names, counts.tolist(), strict=True)]
    console.print()
    console.print(table(("right \\ predicted", *names), rows))


def write_records(path: Path, records: Sequence[Any]) -> None:
    """One JSON object a line, the file whole or not at all. Raises BundleError if it cannot be written."""
    from ..export.file import write_file

    lines = "".join(json_text.dumps(record, ensure_ascii=False) + "\n" for record in records)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, lines.encode())
    except OSError as fault:
        raise BundleError(
            f"cannot write the predictions {path}: {(fault.strerror or str(fault)).lower()}"
        ) from fault
