"""keepgate predict: a label for each text of a file, or an answer to each question, with its probability."""

import math
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ..data.corpora import Corpus, LeftOut, questions_in
from ..data.corpora.source import decoded, name_of, read_bytes
from ..data.labelled import LabelledText
from ..data.labelled_series import LabelledSeries
from ..errors import SettingsError
from ..progress import ProgressBar
from ..tasks.answer import Answer
from ..wording import count_of, sanitize
from .console import id_field, make_console, print_json, print_text
from .evaluate import write_records
from .inputs import BatchSize, Model, SeriesColumn, TextColumn, at_least_one, load_for, texts_in
from .output_paths import check_writable

EPILOGUE = """Examples:

  keepgate predict my-model reviews.txt
  keepgate predict my-model reviews.csv --text-column body --out labels.jsonl
  cat reviews.txt | keepgate predict my-model - --tsv
  cat questions.jsonl | keepgate predict my-reader - --out answers.jsonl

A file of plain text has one text a line; of CSV, TSV or JSON lines the column called text (review, sentence, ...) is
read. A classifier of series reads a table with a row for each step, or NumPy's .npz. Each line of the result is
{"text": "...", "label": "...", "probability": 0.97, "probabilities": {...}}, with "series" in place of the text for a
series; with --tsv it is the label, its probability and the text, separated by tabs. Where a text may have several
labels it is {"text": "...", "labels": ["...", ...], "probability": 0.9, "probabilities": {...}}, the probability being
that of these labels and no others; with --tsv the labels are joined by semicolons. Of a row whose text is empty all of
these are null; empty lines of plain text are no texts.

A reader answers the questions of a file as it is trained on one, whose answers may be missing: JSON lines of {"text":
"...", "question": "..."}, TSV, SQuAD's JSON or bAbI. Each line of the result is {"question": "...", "answer": "...",
"probability": 0.97, "start": 0, "end": 4, ...}, whose start and end count characters of the text and are null where
the answer was not pointed at; an answer that is empty says that the text has none. With --tsv it is the answer, its
probability and the question.

An "id" in JSON, or a column of this name, is given back before all else, as text."""

_LISTED = 8  # places that a hint names
_AT_ONCE = 256  # questions between two reports of progress
_ANSWER_FIELDS = [field.name for field in fields(Answer)]


def predict(
    model: Model,
    file: Annotated[
        str,
        Parameter(
            help="Texts: one a line, CSV, TSV or JSON lines; or series; or questions about texts; - reads standard "
            "input.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    text_column: TextColumn = None,
    series_column: SeriesColumn = None,
    out: Annotated[Path | None, Parameter(help="Write there instead, as lines of JSON.")] = None,
    tsv: Annotated[
        bool, Parameter(help="Label or answer, probability and text or question, separated by tabs.")
    ] = False,
    batch_size: BatchSize = 64,
) -> None:
    """Predict the label of each text of a file, or the answer to each question.

    Prints a line for each, in order: the label and the probability of every label, or the answer, its probability and
    where it stands.
    """
    at_least_one(batch_size=batch_size)
    if out is not None and tsv:
        raise SettingsError("--out writes lines of JSON; leave --tsv out, or redirect the output to the file")
    if out is not None:
        check_writable(out)
    raw, path = read_bytes(file), name_of(file)
    from ..tasks.runtime_task import runtime_of

    task = load_for(["predict", "ask"], model, "predicts no labels and answers no questions")
    if runtime_of(task.kind).command == "ask":
        for name, column in (("text", text_column), ("series", series_column)):
            if column is not None:
                raise SettingsError(f"--{name}-column is given, and {model} answers questions; leave it out")
        records = _answers(task, questions_in(decoded(raw, path), path), batch_size)
    else:
        items = _items(task, model, raw, path, text_column=text_column, series_column=series_column)
        records = _labels(task, items, batch_size)
    if out is not None:
        write_records(out, records)
    for record in records if out is None else []:
        if tsv:
            sys.stdout.write(_tsv_line(record))
        else:
            print_json(record)


def _tsv_line(record: dict[str, Any]) -> str:
    predicted = next(record[name] for name in ("label", "labels", "answer") if name in record) or ""
    label = predicted if isinstance(predicted, str) else ";".join(predicted)
    read = next(record[name] for name in ("question", "text", "series") if name in record)
    share = "" if record["probability"] is None else f"{record['probability']:.6f}"
    return f"{_flat(label)}\t{share}\t{_flat(read)}\n"


def _flat(text: str) -> str:
    return sanitize(" ".join(text.split()))


def _answers(task: Any, corpus: Corpus, batch_size: int) -> list[dict[str, Any]]:
    """A record for each question; its answer is null where there is no text or no question."""
    _tell_left_out(corpus.left_out, "without an answer", "questions")
    full = [item for item in corpus.questions if item.text.strip() and item.question.strip()]
    answers, at_once = [], max(_AT_ONCE, batch_size)
    with ProgressBar(len(full), unit="questions") as bar:
        for first in range(0, len(full), at_once):
            answers += task.predict(full[first : first + at_once], batch_size=batch_size)
            bar.update(len(answers))
    in_order = iter(answers)
    records = []
    for item in corpus.questions:
        answered = item.text.strip() and item.question.strip()
        fields = next(in_order).as_dict() if answered else dict.fromkeys(_ANSWER_FIELDS)
        records.append(
            id_field(item.id) | {"question": item.question, "answer": fields.pop("text"), **fields}
        )
    return records


def _items(
    task: Any, model: Path, raw: bytes, path: str, *, text_column: str | None, series_column: str | None
) -> Sequence[LabelledText | LabelledSeries]:
    """The texts or series in these bytes. Raises SettingsError for a column of the other."""
    if not hasattr(task, "series_in"):
        if series_column is not None:
            raise SettingsError(
                f"--series-column is given, and {model} reads texts; give --text-column instead"
            )
        return _texts(raw, path, text_column)
    if text_column is not None:
        raise SettingsError(f"--text-column is given, and {model} reads series; give --series-column instead")
    series: list[LabelledSeries] = task.series_in(raw, path, series_column=series_column)
    return series


def _labels(
    task: Any, items: Sequence[LabelledText | LabelledSeries], batch_size: int
) -> list[dict[str, Any]]:
    """A record for each text or series; its label is null where the text is empty."""
    full = [item for item in items if item.text.strip()]
    with ProgressBar(len(full), unit="series" if hasattr(task, "series_in") else "texts") as bar:
        rows = iter(task.probabilities(full, batch_size=batch_size, on_progress=bar.update).tolist())
    return [_record(task, item, next(rows) if item.text.strip() else None) for item in items]


def _texts(raw: bytes, path: str, text_column: str | None) -> Sequence[LabelledText]:
    corpus = texts_in(decoded(raw, path), path, text_column)
    if corpus.format == "lines" and Path(path).suffix.lower() in (".csv", ".tsv"):
        hint = f"{path} names no column that is known to hold texts (--text-column); each line is read as one text."
        print_text(make_console(errors=True), hint, "yellow")
    _tell_left_out(corpus.left_out, "without a label", "texts")
    return corpus.items


def _tell_left_out(left_out: Sequence[LeftOut], lacks: str, unit: str) -> None:
    if left_out:
        places = "; ".join(map(str, left_out[:_LISTED]))
        more = "; …" if len(left_out) > _LISTED else ""
        hint = f"{count_of(len(left_out), unit)} {lacks}: {places}{more}."
        print_text(make_console(errors=True), sanitize(hint), "yellow")


def _record(task: Any, item: LabelledText | LabelledSeries, row: list[float] | None) -> dict[str, Any]:
    """What is printed of a text or a series. row: the probability of each label; None of a text that is empty."""
    series = isinstance(item, LabelledSeries)
    name = {"series": item.id} if series else id_field(item.id) | {"text": item.text}
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
