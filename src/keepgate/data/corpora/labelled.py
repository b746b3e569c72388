"""Texts with labels, one or several: JSON lines, or CSV or TSV whose first line names the columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ...errors import CorpusError
from ...wording import count_of
from ..labelled import LabelledText
from ..multilabel import MultilabelText, labels_of
from ..tally import Tally
from .corpus import LeftOut, account_of, listed_counts
from .large import is_large
from .placed_lines import Rows, items_in_files
from .records import ID
from .source import files_of, lines_of, name_of, paths_of, read_text, refuse_standard_input
from .table import columns_in, first_in, names_in, read_rows
from .table_file import TableFile
from .values import as_label, as_text, cell_of, clean, listed_near

# The names under which a column is known, the first of them the one that the documentation teaches.
TEXT = ("text", "review", "sentence", "content", "comment", "文本", "評論", "评论")
LABEL = ("label", "labels", "class", "category", "sentiment", "target", "標籤", "标签")


@dataclass
class LabelledCorpus:
    """Labelled texts in the order of their files. format: "csv", "tsv", "json lines" or "lines".

    several: whether a text may have several labels: each is a `MultilabelText` then.
    """

    items: Sequence[LabelledText]
    format: str
    left_out: list[LeftOut] = field(default_factory=list)
    several: bool = False

    def account(self, at_most: int = 5) -> str:
        """What was taken and what was not, in a line; the first texts left out; the labels, the commonest first."""
        summary, tally = f"{count_of(len(self.items), 'texts')} ({self.format})", Tally.of(self.items)
        if self.several:
            several = sum(texts for number, texts in tally.label_counts.items() if number > 1)
            summary += f", {several:,} of them with several labels, {tally.label_counts[0]:,} with none"
        account = account_of(summary, self.left_out, at_most)
        labels = tally.labels + tally.several
        return f"{account}\n{listed_counts(labels, 'labels')}" if labels else account


@dataclass(frozen=True, kw_only=True)
class _Names:
    """The names of the columns, as `read_labelled` takes them, and what stands between labels."""

    text: str | None
    label: str | None
    separator: str | None


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """The columns of one file, and what stands between labels."""

    path: str
    text: str
    label: str
    id: str | None
    separator: str | None

    @classmethod
    def among(cls, columns: Sequence[str], names: _Names, path: str) -> Self:
        """Those of these columns. Raises CorpusError where none has the text or the label, or one has both."""
        text = needed_column(columns, names.text, TEXT, "text", path)
        label = needed_column(columns, names.label, LABEL, "label", path)
        if text == label:
            raise CorpusError(
                f"{path}: the column {text!r} cannot be both text and label; name another for one of them"
            )
        own_id = column_of(columns, None, ID, path)
        return cls(path=path, text=text, label=label, id=own_id, separator=names.separator)

    def item(self, line: int, row: Mapping[str, object]) -> LabelledText | LeftOut:
        """The text of a row, or why it is left out. Raises CorpusError for a field of another kind."""
        path, place, value = self.path, f"line {line}", row.get(self.label)
        text = cell_of(row.get(self.text), self.text, path, place)
        several = isinstance(value, list) or (self.separator is not None and value is not None)
        label = "" if isinstance(value, list) else as_label(cell_of(value, self.label, path, place))
        lacking = "text" if not text.strip() else "" if several or label else "label"
        if lacking:
            return LeftOut(path, place, f"the {lacking} is empty")
        identity = _identity(row, self.id) or f"{path}:{line}"
        if not several:
            return LabelledText(text=text, label=label, id=identity)
        parts = value if isinstance(value, list) else label.split(self.separator)
        labels = [as_label(cell_of(part, self.label, path, place)) for part in parts]
        if isinstance(value, list) and not all(labels):
            raise CorpusError(f"{path}, {place}: the list {self.label!r} holds a label that is empty")
        labels = [label for label in labels if label]
        return MultilabelText(text=text, labels=tuple(dict.fromkeys(labels)), id=identity)


def read_labelled(
    paths: str | Path | Iterable[str | Path],
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    folder: Path | None = None,
) -> LabelledCorpus:
    """The labelled texts of these files, in order; each file is read by its own format.

    text_column, label_column: names of the columns (fields, in JSON); None takes the first that has a usual name.
    label_separator: what stands between the labels of a text that may have several; an empty cell then is a text
        without any. In JSON, lists of labels need none.
    folder: where it is kept where the texts lie, if a file is large and they stay there; None reads all of them.
    Raises CorpusError for a file that cannot be read or has no such column, for a field that is neither text nor a
    number (nor, of labels, a list of these), and if no text is left; BundleError for a folder that cannot be written.
    """
    if label_separator == "":
        raise CorpusError(
            "the label separator is empty; give the sign that stands between two labels, such as ;"
        )
    names = _Names(text=text_column, label=label_column, separator=label_separator)
    files = paths_of(paths)
    if folder is not None and any(map(is_large, files)):
        corpus, formats = _left_in_files(files, names, folder)
    else:
        corpus, formats = _in_memory(files_of(files), names)
    corpus.format = " + ".join(dict.fromkeys(formats))
    if not corpus.items:
        raise CorpusError(
            f"{', '.join(map(name_of, files)) or 'no file'}: there is no text with a label; {corpus.account()}"
        )
    return corpus


def _in_memory(files: Sequence[str | Path], names: _Names) -> tuple[LabelledCorpus, list[str]]:
    """The texts of files, without the name of their format, and the format of each."""
    corpus, formats, items = LabelledCorpus([], ""), [], list[LabelledText]()
    for file in files:
        path = name_of(file)
        rows, form = read_rows(read_text(file), path)
        formats.append(form)
        if not rows:
            continue
        columns = _Columns.among(columns_in(rows), names, path)
        for line, row in rows:
            item = columns.item(line, row)
            if isinstance(item, LeftOut):
                corpus.left_out.append(item)
            else:
                items.append(item)
    corpus.several = any(isinstance(item, MultilabelText) for item in items)
    corpus.items = [*map(_with_several, items)] if corpus.several else items
    return corpus, formats


def _left_in_files(
    files: Sequence[str | Path], names: _Names, folder: Path
) -> tuple[LabelledCorpus, list[str]]:
    """The same of texts that stay in their files."""
    refuse_standard_input(files)
    corpus, tables = LabelledCorpus([], ""), [TableFile(Path(file)) for file in files]

    def rows_of(table: TableFile) -> Rows[Any]:
        columns = _Columns.among(table.columns, names, str(table.path))

        def item(line: int, row: Mapping[str, object]) -> LabelledText | LeftOut:
            item = columns.item(line, row)
            return _with_several(item) if corpus.several and isinstance(item, LabelledText) else item

        return table.rows(item)

    corpus.items = items = items_in_files([*map(rows_of, tables)], folder, corpus.left_out)
    corpus.several = items.tally.multilabel
    if corpus.several:
        items.tally.as_several()
    return corpus, [table.format for table in tables]


def _with_several(item: LabelledText) -> MultilabelText:
    return MultilabelText(text=item.text, labels=labels_of(item), id=item.id)


def read_texts(content: str, path: str, *, text_column: str | None = None) -> LabelledCorpus:
    """Texts to predict labels of: a table or JSON lines as above, without labels; else each line is a text.

    A row without a text stays, as an empty one, and is noted as left out; empty lines are no texts. A text has an id
    where its row has one. Raises CorpusError if there is no text, or no column of that name.
    """
    first = first_in(content).strip()
    names = {name.lower() for name in names_in(first)}
    if first.startswith("{") or text_column is not None or names & set(TEXT):
        rows, form = read_rows(content, path)
        columns = columns_in(rows)
        column = needed_column(columns, text_column, TEXT, "text", path) if rows else ""
        own_id = column_of(columns, None, ID, path)
        items = [
            LabelledText(
                text=cell_of(row.get(column), column, path, f"line {line}"), id=_identity(row, own_id)
            )
            for line, row in rows
        ]
    else:
        rows, form = [], "lines"
        items = [LabelledText(text=clean(line)) for line in lines_of(content) if line.strip()]
    empty = [f"line {line}" for (line, _), item in zip(rows, items, strict=False) if not item.text.strip()]
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
