"""Labelled texts from CSV, TSV and JSON lines: the columns are found, and what is wrong is named with its place."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from keepgate.data.corpora import questions_in
from keepgate.data.corpora.labelled import read_labelled, read_texts
from keepgate.data.corpora.labelled_series import series_in
from keepgate.data.multilabel import MultilabelText, labels_of
from keepgate.errors import CorpusError


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ('label,review\n1,"good, ""very"" good"\n0,bad\n', "csv"),
        ('\ufefflabel\treview\n1\tgood, "very" good\n\n0\tbad\n', "tsv"),
        ('{"class": "1", "text": "good, \\"very\\" good"}\n{"class": 0, "text": "bad"}\n', "json lines"),
    ],
)
def test_the_columns_are_found_by_their_usual_names(tmp_path: Path, content: str, form: str) -> None:
    corpus = read_labelled(written(tmp_path, "data", content))
    assert [(item.text, item.label) for item in corpus.items] == [('good, "very" good', "1"), ("bad", "0")]
    assert corpus.format == form
    assert corpus.account() == f"2 texts ({form})\n2 labels: 0 1, 1 1."


def test_a_field_may_hold_line_breaks_and_the_place_is_its_first_line(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'text,label\n"one\ntwo",x\nthree,y\n,z\n')
    corpus = read_labelled([path])
    assert [item.text for item in corpus.items] == ["one\ntwo", "three"]
    assert [item.id for item in corpus.items] == [f"{path}:2", f"{path}:4"]
    assert str(corpus.left_out[0]) == f"{path}, line 5: the text is empty"


@pytest.mark.parametrize(
    ("value", "spelt"),
    [("1.0", "1"), ("1", "1"), ("-2.50", "-2.5"), ("true", "true"), ('" a "', "a"), ('"1.10"', "1.10")],
)
def test_a_label_is_spelt_alike_wherever_it_stands(value: str, spelt: str, tmp_path: Path) -> None:
    for content in (f'{{"text": "a", "label": {value}}}', f'{{"text": "a", "label": [{value}]}}'):
        (item,) = read_labelled(written(tmp_path, "a.jsonl", content)).items
        assert labels_of(item) == (spelt,)
    (series,), _ = series_in(f'{{"a": 1, "label": {value}}}'.encode(), "a", labelled=True)
    assert series.label == spelt
    content = f'{{"text": "a", "question": "b", "answer": {value}}}\n' * 2
    assert questions_in(content, "a").questions[0].answers[0].strip() == spelt


@pytest.mark.parametrize(
    ("values", "spelt"),
    [
        (np.array([1.0, 2.5]), ("1", "2.5")),
        (np.array([1, 2]), ("1", "2")),
        (np.array([0.1, 0.5], dtype=np.float32), ("0.1", "0.5")),
        (np.array([True, False]), ("true", "false")),
        (np.array(["1.0", "1.10"]), ("1", "1.10")),
    ],
    ids=["whole and not", "whole", "float32", "truth values", "texts"],
)
def test_a_column_of_labels_is_spelt_alike_in_every_format(
    values: np.ndarray, spelt: tuple[str, ...]
) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [{"series": str(row), "x": 1, "label": value} for row, value in enumerate(values.tolist())]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    # As pandas writes them: with the digits that tell a float32 from the next one, and Python's True.
    cells = "".join(f"{row},1,{value!s}\n" for row, value in enumerate(values))
    arrays, columns = io.BytesIO(), io.BytesIO()
    np.savez(arrays, x=np.ones((2, 3)), y=values)
    parquet.write_table(arrow.table({"series": ["0", "1"], "x": [1, 1], "label": values}), columns)
    files = [f"series,x,label\n{cells}".encode(), columns.getvalue(), arrays.getvalue()]
    # JSON has no float32: 0.1 of it is another number.
    for raw in files if values.dtype == np.float32 else [lines.encode(), *files]:
        assert tuple(item.label for item in series_in(raw, "a", labelled=True)[0]) == spelt


def test_true_and_false_are_numbers_where_these_belong() -> None:
    (item,), _ = series_in(b"open,label\nTrue,a\nfalse,a\n", "a", labelled=True)
    assert item.values.tolist() == [[1.0], [0.0]]


def test_names_are_looked_for_in_all_rows_of_json_lines(tmp_path: Path) -> None:
    lines = '{"label": "x"}\n{"id": 7, "text": "a", "label": "y"}\n{"text": "b", "label": "z"}\n'
    path = written(tmp_path, "a.jsonl", lines)
    corpus = read_labelled(path)
    assert [(item.text, item.label, item.id) for item in corpus.items] == [
        ("a", "y", "7"),
        ("b", "z", f"{path}:3"),
    ]
    assert str(corpus.left_out[0]) == f"{path}, line 1: the text is empty"
    assert [(item.text, item.id) for item in read_texts(lines, "a").items] == [
        ("", ""),
        ("a", "7"),
        ("b", ""),
    ]


def test_columns_may_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "text,body,stars\nx,long,5\n")
    (item,) = read_labelled(path, text_column="body", label_column="stars").items
    assert (item.text, item.label) == ("long", "5")


@pytest.mark.parametrize(
    ("content", "columns", "says"),
    [
        (
            "body,stars\nx,1\n",
            {},
            "known to hold the text; they are 'stars', 'body'. Name it with --text-column",
        ),
        ("text,stars\nx,1\n", {}, "--label-column"),
        ("text,stars\nx,1\n", {"label_column": "star"}, "no column 'star'; its columns are 'stars'"),
        (
            "text,text,label\nx,y,1\n",
            {},
            "the first line names 'text' 2 times; give each column a name of its own",
        ),
        ("text,label\nx,1,2\n", {}, "line 2: there are 3 columns where the first line has 2"),
        ('text,label\nx,"1\n', {}, "line 2: this cannot be read as a table"),
        ("text,label\n", {}, "there is no text with a label"),
        ('{"text": "x", "label": 1}\n[]\n', {}, "line 2: an object"),
        ('{"text": "x"}\n', {}, "known to hold the label; they are 'text'"),
        ("text,label\n,1\n", {}, "there is no text with a label"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, columns: dict[str, str], says: str) -> None:
    with pytest.raises(CorpusError) as fault:
        read_labelled(written(tmp_path, "a", content), **columns)
    assert says in str(fault.value)


def test_texts_to_predict_come_from_lines_or_a_table() -> None:
    assert [item.text for item in read_texts("one, two\n\nthree\n", "x").items] == ["one, two", "three"]
    assert [item.text for item in read_texts("review,stars\none,1\n", "x").items] == ["one"]
    assert [item.text for item in read_texts("body\none\n", "x", text_column="body").items] == ["one"]
    assert [item.text for item in read_texts('{"text": "one"}\n', "x").items] == ["one"]
    with pytest.raises(CorpusError, match="there is no text"):
        read_texts("text\n\n", "x")
    assert read_texts("one\n\ntwo\n", "x").left_out == []
    for rows, place in (
        ('{"text": "one"}\n{"txt": "two"}\n', "line 2"),
        ("text,stars\none,1\n,2\n", "line 3"),
    ):
        corpus = read_texts(rows, "x")
        assert [item.text for item in corpus.items] == ["one", ""]
        assert [each.where for each in corpus.left_out] == [place]


def test_one_column_is_not_both_text_and_label(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\ngood,1\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="'label' cannot be both text and label"):
        read_labelled(path, text_column="label")


@pytest.mark.parametrize(
    ("content", "separator", "form"),
    [
        (
            '{"text": "one", "labels": ["a", "b", "a"]}\n{"text": "two", "labels": []}\n'
            '{"text": "three", "labels": "c"}\n', None, "json lines",
        ),
        ("text,labels\none,a; b;a\ntwo,\nthree,c\n", ";", "csv"),
        ('text,label\none,"a,b"\ntwo,","\nthree,c\n', ",", "csv"),
        ("text\tlabel\none\ta | b\ntwo\t\nthree\tc\n", "|", "tsv"),
    ],
)  # fmt: skip
def test_a_text_may_have_several_labels_or_none(
    tmp_path: Path, content: str, separator: str | None, form: str
) -> None:
    corpus = read_labelled(written(tmp_path, "data", content), label_separator=separator)
    assert corpus.several
    labels = [item.labels for item in corpus.items if isinstance(item, MultilabelText)]
    assert labels == [("a", "b"), (), ("c",)]
    assert corpus.account() == (
        f"3 texts ({form}), 1 of them with several labels, 1 with none\n3 labels: a 1, b 1, c 1."
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            '{"text": "x", "label": {"a": 1}}',
            "line 1: 'label' holds an object; text or a number belongs there",
        ),
        ('{"text": "x", "label": [["a"]]}', "line 1: 'label' holds a list"),
        ('{"text": "x", "label": ["a", " "]}', "line 1: the list 'label' holds a label that is empty"),
        ('{"text": ["x"], "label": "a"}', "line 1: 'text' holds a list"),
    ],
)
def test_a_field_of_another_type_is_named(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(CorpusError) as fault:
        read_labelled(written(tmp_path, "a.jsonl", line + "\n"))
    assert says in str(fault.value)
    with pytest.raises(CorpusError, match="'text' holds a list"):
        read_texts('{"text": ["x"]}\n', "x")


def test_what_stands_for_nothing_is_left_out_and_counted(tmp_path: Path) -> None:
    lines = ('{"text": NaN, "label": "a"}', '{"text": "x", "label": NaN}', '{"text": "y", "label": null}')
    corpus = read_labelled(written(tmp_path, "a.jsonl", "\n".join([*lines, '{"text": "z", "label": "nan"}'])))
    assert [(item.text, item.label) for item in corpus.items] == [("z", "nan")]
    assert [left.reason for left in corpus.left_out] == [
        "the text is empty",
        "the label is empty",
        "the label is empty",
    ]


def test_a_field_may_be_a_book_and_lines_may_end_in_any_way(tmp_path: Path) -> None:
    book = "good room, " * 100_000
    (item,) = read_labelled(written(tmp_path, "a.csv", f'text,label\n"{book}",x\n')).items
    assert (item.text, item.label) == (book, "x")
    assert [item.text for item in read_texts(f"{book}\nb\n", "x").items] == [book, "b"]
    assert [item.text for item in read_texts("a\rb\r", "x").items] == ["a", "b"]
    with pytest.raises(CorpusError, match="line 2: this cannot be read as a table: unexpected end of data"):
        read_labelled(written(tmp_path, "b.csv", f'text,label\n"{book}'))


def test_a_parquet_file_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1\xff\x00PAR1")
    with pytest.raises(CorpusError, match=r"is a Parquet file, .* save it as CSV or as JSON lines"):
        read_labelled(path)


def test_columns_without_a_name_are_no_fault(tmp_path: Path) -> None:
    (item,) = read_labelled(written(tmp_path, "a.csv", ",text,label,\n0,x,1,\n")).items
    assert (item.text, item.label) == ("x", "1")


def test_what_separates_labels_may_not_be_empty(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="separator is empty"):
        read_labelled(written(tmp_path, "a.csv", "text,label\nx,a\n"), label_separator="")
