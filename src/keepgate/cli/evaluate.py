"""keepgate evaluate: how often a model is right on data whose answers or labels are known."""

import json as json_text
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ..errors import BundleError, SettingsError
from .console import make_console, one_line, print_json, print_text, seconds, table
from .inputs import Model
from .output_paths import check_writable

if TYPE_CHECKING:
    from ..tasks.measure import Measurement
    from ..tasks.task import Task

EPILOGUE = """Examples:

  keepgate evaluate my-reader dev.json
  keepgate evaluate my-reader dev.json --out predictions.jsonl --json
  keepgate evaluate my-classifier test.csv --label-column stars

Exact match: the answer is one of the right ones, punctuation and capitals aside. F1 by the longest common substring is
CMRC2018's, F1 by the bag of words (of characters, in Chinese) is SQuAD's. Macro F1 is the mean of the labels' F1. A row
"always ..." is what is had without a model."""

# A confusion matrix of more labels does not fit on a screen.
_CONFUSED = 12


def evaluate(
    model: Model,
    data: Annotated[
        list[Path],
        Parameter(
            help="Questions with answers (SQuAD's JSON, JSON lines, TSV, bAbI), or texts with labels (CSV, TSV, "
            "JSON lines)."
        ),
    ],
    /,
    *,
    text_column: Annotated[
        str | None, Parameter(metavar="NAME", help="The column of a classifier's texts, if it is not found.")
    ] = None,
    label_column: Annotated[
        str | None, Parameter(metavar="NAME", help="The column of the labels, if it is not found.")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Write each prediction, with its scores, as a line of JSON.")
    ] = None,
    batch_size: Annotated[int, Parameter(help="Items read at once; it changes speed and memory only.")] = 64,
    json: Annotated[bool, Parameter(help="The figures as one JSON object.")] = False,
) -> None:
    """Measure a model on data whose answers or labels are known.

    Prints each measure in per cent with the interval that holds 95% of bootstrap samples, beside what is had without a
    model; for a classifier also the confusion matrix.
    """
    if out is not None:
        check_writable(out)
    from ..export import load
    from ..tasks import KINDS

    task = load(model)
    kind = KINDS[task.kind]
    columns = {"text_column": text_column, "label_column": label_column}
    corpus = kind.read(data, **columns_of(kind.asks, columns))
    aside = make_console(errors=True)
    if corpus.left_out:
        print_text(aside, corpus.account())
    started = time.perf_counter()
    figures = measured(task, corpus.items, kind.unit, batch_size=batch_size)
    took = time.perf_counter() - started
    if task.choices is not None:
        _print_impossible(task, corpus.items, kind.unit)
    if out is not None:
        write_records(out, figures.records)
    values = figures.values()
    intervals = {name: figures.interval(name) for name in values}
    if json:
        plain: dict[str, Any] = {
            kind.unit: len(corpus.items),
            "left_out": len(corpus.left_out),
            "seconds": took,
        }
        for name, (low, high) in intervals.items():
            plain[name] = {"mean": values[name], "low": low, "high": high}
        plain["baselines"] = figures.baselines
        if figures.confusion is not None:
            labels, counts = figures.confusion
            plain["confusion"] = {"labels": list(labels), "counts": counts.tolist()}
        print_json(plain)
        return
    console = make_console()
    print_text(console, f"{len(corpus.items):,} {kind.unit} ({corpus.format}), read in {seconds(took)}")
    rows = [
        (
            metric.title,
            *_per_cent(values[metric.name], *intervals[metric.name]),
            *_beside(figures, metric.name),
        )
        for metric in task.metrics
    ]
    baselines = map(one_line, figures.baselines)
    console.print(table(("", "per cent", "95% interval", *baselines), rows))
    _print_confusion(console, figures)


def _per_cent(value: float, low: float, high: float) -> tuple[str, str]:
    return f"{100 * value:.1f}", f"{100 * low:.1f} to {100 * high:.1f}"


def _beside(figures: "Measurement", name: str) -> list[str]:
    """The metric's value of each baseline; nothing where that has none."""
    return [f"{100 * values[name]:.1f}" if name in values else "" for values in figures.baselines.values()]


def columns_of(asks: bool, columns: dict[str, str | None]) -> dict[str, str | None]:
    """The columns as a reader of labelled texts takes them. Raises SettingsError if given for questions."""
    if not asks:
        return columns
    given = [name.replace("_", "-") for name, column in columns.items() if column is not None]
    if given:
        raise SettingsError(f"--{given[0]} is for a classifier's data; this model answers questions")
    return {}


def measured(task: "Task", items: Sequence[Any], unit: str, *, batch_size: int = 64) -> "Measurement":
    """The task measured on these items, with a bar on stderr once it has taken two seconds."""
    from ..train import ProgressBar

    with ProgressBar(len(items), unit=unit) as bar:
        return task.measure(items, batch_size=batch_size, on_progress=bar.update)


def _print_impossible(task: "Task", items: Sequence[Any], unit: str) -> None:
    """Says how many of the items the model cannot get right, whatever it reads."""
    reasons = Counter(task.unlearnable(example) for example in task.prepare(items, training=False))
    for reason, count in reasons.items():
        if reason is not None:
            print_text(
                make_console(errors=True),
                f"{count:,} of the {len(items):,} {unit} cannot be right, because {reason}.",
                "yellow",
            )


def _print_confusion(console: Any, figures: "Measurement") -> None:
    if figures.confusion is None or len(figures.confusion[0]) > _CONFUSED:
        return
    labels, counts = figures.confusion
    names = [one_line(label) for label in labels]
    rows = [
        (name, *(f"{count:,}" for count in row)) for name, row in zip(names, counts.tolist(), strict=True)
    ]
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
