"""keepgate predict: a label, with probabilities, for each text of a file."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..data.corpora.labelled import read_texts
from ..data.corpora.source import decoded
from ..data.labelled import LabelledText
from ..data.labelled_series import LabelledSeries
from ..errors import SettingsError
from ..progress import ProgressBar
from ..wording import count_of, sanitize
from .console import make_console, print_json, print_text
from .evaluate import write_records
from .inputs import BatchSize, Model, SeriesColumn, TextColumn, at_least_one, load_for, read_raw
from .output_paths import check_writable

EPILOGUE = """Examples:

  keepgate predict my-model reviews.txt
  keepgate predict my-model reviews.csv --text-column body --out labels.jsonl
  cat reviews.txt | keepgate predict my-model - --tsv

A file of plain text has one text a line; of CSV, TSV or JSON lines the column called text (review, sentence, ...) is
read. A classifier of series reads a table with a row for each step, or NumPy's .npz. Each line of the result is
{"text": "...", "label": "...", "probability": 0.97, "probabilities": {...}}, with "series" in place of the text for a
series; with --tsv it is the label, its probability and the text, separated by tabs. Where a text may have several
labels it is {"text": "...", "labels": ["...", ...], "probability": 0.9, "probabilities": {...}}, the probability being
that of these labels and no others; with --tsv the labels are joined by semicolons. Of a row whose text is empty all of
these are null; empty lines of plain text are no texts."""

_LISTED = 8  # places that a hint names


def predict(
    model: Model,
    file: Annotated[
        str,
        Parameter(
            help="Texts: one a line, CSV, TSV or JSON lines; or series; - reads standard input.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    text_column: TextColumn = None,
    series_column: SeriesColumn = None,
    out: Annotated[Path | None, Parameter(help="Write there instead, as lines of JSON.")] = None,
    tsv: Annotated[bool, Parameter(help="Label, probability and text, separated by tabs.")] = False,
    batch_size: BatchSize = 64,
) -> None:
    """Predict the label of each text of a file.

    Prints a line for each text, in order, with the label and the probability of every label.
    """
    at_least_one(batch_size=batch_size)
    if out is not None and tsv:
        raise SettingsError("--out writes lines of JSON; leave --tsv out, or redirect the output to the file")
    if out is not None:
        check_writable(out)
    raw = read_raw(file)
    task = load_for("predict", model, "predicts no labels")
    path = "standard input" if file == "-" else file
    reads_series = hasattr(task, "series_in")
    if reads_series and text_column is not None:
        raise SettingsError(f"--text-column is given, and {model} reads series; give --series-column instead")
    if not reads_series and series_column is not None:
        raise SettingsError(f"--series-column is given, and {model} reads texts; give --text-column instead")
    items: Sequence[LabelledText | LabelledSeries] = (
        task.series_in(raw, path, series_column=series_column)
        if reads_series
        else _texts(raw, path, text_column)
    )
    full = [item for item in items if item.text.strip()]
    with ProgressBar(len(full), unit="series" if reads_series else "texts") as bar:
        rows = iter(task.probabilities(full, batch_size=batch_size, on_progress=bar.update).tolist())
    records = [_record(task, item, next(rows) if item.text.strip() else None) for item in items]
    if out is not None:
        write_records(out, records)
    for record in records if out is None else []:
        if tsv:
            text = sanitize(" ".join(next(iter(record.values())).split()))
            label = record["label"] if "label" in record else ";".join(record["labels"] or ())
            share = "" if record["probability"] is None else f"{record['probability']:.6f}"
            sys.stdout.write(f"{sanitize(label or '')}\t{share}\t{text}\n")
        else:
            print_json(record)


def _texts(raw: bytes, path: str, text_column: str | None) -> list[LabelledText]:
    corpus = read_texts(decoded(raw, path), path, text_column=text_column)
    if corpus.format == "lines" and Path(path).suffix.lower() in (".csv", ".tsv"):
        hint = f"{path} names no column that is known to hold texts (--text-column); each line is read as one text."
        print_text(make_console(errors=True), hint, "yellow")
    if corpus.left_out:
        places = "; ".join(map(str, corpus.left_out[:_LISTED]))
        more = "; …" if len(corpus.left_out) > _LISTED else ""
        hint = f"{count_of(len(corpus.left_out), 'texts')} without a label: {places}{more}."
        print_text(make_console(errors=True), sanitize(hint), "yellow")
    return corpus.items


def _record(task: Any, item: LabelledText | LabelledSeries, row: list[float] | None) -> dict[str, Any]:
    """What is printed of a text or a series. row: the probability of each label; None of a text that is empty."""
    name = {"series": item.id} if isinstance(item, LabelledSeries) else {"text": item.text}
    several = hasattr(task, "labels_given")
    if row is None:
        return name | {"labels" if several else "label": None, "probability": None, "probabilities": None}
    return name | (_several(task, row) if several else _one(task, row))


def _one(task: Any, row: list[float]) -> dict[str, Any]:
    best = max(range(len(row)), key=row.__getitem__)
    shares = dict(zip(task.choices, row, strict=True))
    return {"label": task.choices[best], "probability": row[best], "probabilities": shares}


def _several(task: Any, row: list[float]) -> dict[str, Any]:
    (names,) = task.labels_given([row])
    shares = dict(zip(task.labels, row, strict=True))
    probability = math.prod(share if name in names else 1 - share for name, share in shares.items())
    return {"labels": list(names), "probability": probability, "probabilities": shares}
