"""Texts with labels, one or several: JSON lines, or CSV or TSV whose first line names the columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CorpusError
from ...wording import count_of
from ..labelled import LabelledText
from ..multilabel import MultilabelText, labels_of
from .corpus import LeftOut, account_of, listed_counts
from .records import ID
from .source import files_of, lines_of, name_of, read_text
from .table import columns_in, names_in, read_rows
from .values import as_label, as_text, clean, kind_of, listed_near

# The names under which a column is known, the first of them the one that the documentation teaches.
TEXT = ("text", "review", "sentence", "content", "comment", "文本", "評論", "评论")
LABEL = ("label", "labels", "class", "category", "sentiment", "target", "標籤", "标签")


@dataclass
class LabelledCorpus:
    """Labelled texts in the order of their files. format: "csv", "tsv", "json lines" or "lines".

    several: whether a text may have several labels: each is a `MultilabelText` then.
    """

    items: list[LabelledText]
    format: str
    left_out: list[LeftOut] = field(default_factory=list)
    several: bool = False

    def account(self, at_most: int = 5) -> str:
        """What was taken and what was not, in a line; the first texts left out; the labels, the commonest first."""
        summary = f"{count_of(len(self.items), 'texts')} ({self.format})"
        if self.several:
            numbers = [len(labels_of(item) or ()) for item in self.items]
            several = sum(number > 1 for number in numbers)
            summary += f", {several:,} of them with several labels, {numbers.count(0):,} with none"
        account = account_of(summary, self.left_out, at_most)
        labels = [label for item in self.items for label in labels_of(item) or ()]
        return f"{account}\n{listed_counts(labels, 'labels')}" if labels else account


def read_labelled(
    paths: str | Path | Iterable[str | Path],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
) -> LabelledCorpus:
    """The labelled texts of these files, in order; each file is read by its own format.

    text_column, label_column: names of the columns (fields, in JSON); None takes the first that has a usual name.
    label_separator: what stands between the labels of a text that may have several; an empty cell then is a text
        without any. In JSON, lists of labels need none.
    Raises CorpusError for a file that cannot be read or has no such column, for a field that is neither text nor a
    number (nor, of labels, a list of these), and if no text is left.
    """
    if label_separator == "":
        raise CorpusError(
            "the label separator is empty; give the sign that stands between two labels, such as ;"
        )
    files = files_of(paths)
    corpus = LabelledCorpus([], "")
    formats = []
    for file in files:
        path = name_of(file)
        rows, form = read_rows(read_text(file), path)
        formats.append(form)
        if not rows:
            continue
        columns = columns_in(rows)
        text = needed_column(columns, text_column, TEXT, "text", path)
        label = needed_column(columns, label_column, LABEL, "label", path)
        if text == label:
            raise CorpusError(
                f"{path}: the column {text!r} cannot be both text and label; name another for one of them"
            )
        own_id = column_of(columns, None, ID, path)
        for place, row in rows:
            identity = _identity(row, own_id) or f"{path}:{place.removeprefix('line ')}"
            _take(corpus, row, text, label, label_separator, path, place, identity)
    corpus.several = any(isinstance(item, MultilabelText) for item in corpus.items)
    if corpus.several:
        corpus.items = [
            MultilabelText(text=item.text, labels=labels_of(item), id=item.id) for item in corpus.items
        ]
    corpus.format = " + ".join(dict.fromkeys(formats))
    if not corpus.items:
        raise CorpusError(
            f"{', '.join(map(name_of, files)) or 'no file'}: there is no text with a label; {corpus.account()}"
        )
    return corpus


def read_texts(content: str, path: str, *, text_column: str | None = None) -> LabelledCorpus:
    """Texts to predict labels of: a table or JSON lines as above, without labels; else each line is a text.

    A row without a text stays, as an empty one, and is noted as left out; empty lines are no texts. A text has an id
    where its row has one. Raises CorpusError if there is no text, or no column of that name.
    """
    first = content.lstrip().partition("\n")[0].strip()
    names = {name.lower() for name in names_in(first)}
    if first.startswith("{") or text_column is not None or names & set(TEXT):
        rows, form = read_rows(content, path)
        columns = columns_in(rows)
        column = needed_column(columns, text_column, TEXT, "text", path) if rows else ""
        own_id = column_of(columns, None, ID, path)
        items = [
            LabelledText(text=_cell(row.get(column), column, path, place), id=_identity(row, own_id))
            for place, row in rows
        ]
    else:
        rows, form = [], "lines"
        items = [LabelledText(text=clean(line)) for line in lines_of(content) if line.strip()]
    empty = [place for (place, _), item in zip(rows, items, strict=False) if not item.text.strip()]
    if len(empty) == len(items):
        raise CorpusError(f"{path}: there is no text in it")
    return LabelledCorpus(items, form, [LeftOut(path, place, "the text is empty") for place in empty])


def _identity(row: Mapping[str, object], column: str | None) -> str:
    """The id that stands in a row; empty without one."""
    return "" if column is None else as_text(row.get(column))


def column_of(columns: Sequence[str], name: str | None, usual: Sequence[str], path: str) -> str | None:
    """The column of this name, else the first with a usual one; None if there is none.

    Raises CorpusError for a name that none has, with the columns that there are, nearest first.
    """
    if name is not None and name not in columns:
        raise CorpusError(f"{path} has no column {name!r}; its columns are {listed_near(name, columns)}")
    by_name = {column.lower(): column for column in reversed(columns)}
    return name or next((by_name[name] for name in usual if name in by_name), None)


def needed_column(
    columns: Sequence[str], name: str | None, usual: Sequence[str], content: str, path: str
) -> str:
    """`column_of`. Raises CorpusError where there is none too."""
    column = column_of(columns, name, usual, path)
    if column is None:
        raise CorpusError(
            f"{path}: none of its columns is known to hold the {content}; they are "
            f"{listed_near(content, columns)}. Name it with --{content}-column, or call it {usual[0]!r}"
        )
    return column


def _take(
    corpus: LabelledCorpus,
    row: Mapping[str, object],
    text_column: str,
    label_column: str,
    separator: str | None,
    path: str,
    place: str,
    identity: str,
) -> None:
    text = _cell(row.get(text_column), text_column, path, place)
    value = row.get(label_column)
    several = isinstance(value, list) or (separator is not None and value is not None)
    label = "" if isinstance(value, list) else as_label(_cell(value, label_column, path, place))
    lacking = "text" if not text.strip() else "" if several or label else "label"
    if lacking:
        corpus.left_out.append(LeftOut(path, place, f"the {lacking} is empty"))
        return
    if not several:
        corpus.items.append(LabelledText(text=text, label=label, id=identity))
        return
    parts = value if isinstance(value, list) else label.split(separator)
    labels = [as_label(_cell(part, label_column, path, place)) for part in parts]
    if isinstance(value, list) and not all(labels):
        raise CorpusError(f"{path}, {place}: the list {label_column!r} holds a label that is empty")
    labels = [label for label in labels if label]
    corpus.items.append(MultilabelText(text=text, labels=tuple(dict.fromkeys(labels)), id=identity))


def _cell(value: object, column: str, path: str, place: str) -> str:
    """A cell as text, as `as_text`. Raises CorpusError, in JSON, for an object or a list in its place."""
    if isinstance(value, (dict, list)):
        raise CorpusError(
            f"{path}, {place}: {column!r} holds {kind_of(value)}; text or a number belongs there"
        )
    return as_text(value)
