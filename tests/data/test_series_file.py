"""Series that stay in their files: piece by piece the same as in memory, or refused with what to do."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keepgate.data import row_file
from keepgate.data.corpora import large, series_file, table
from keepgate.data.corpora.plain_text import read_plain
from keepgate.data.corpora.series import SeriesCorpus, read_series
from keepgate.data.row_file import RowFile
from keepgate.errors import CorpusError


def wide(hours: int) -> str:
    lines = ["time,load,warmth,holiday"]
    for hour in range(hours):
        if hour in (40, 41):
            continue
        load = "" if hour % 17 == 3 else f"{math.sin(hour):.3f}"
        lines.append(f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00,{load},{math.cos(hour):.2f},{hour % 2}")
    return "\n".join(lines) + "\n"


def long(days: int) -> str:
    rows = [
        f"2024-01-{day + 1:02},{name},{size * day}"
        for name, size in (("a", 1), ("b", 10))
        for day in range(days)
    ]
    return "\n".join(["date,series,value", *rows]) + "\n"


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is too large to be read whole, and read in pieces of a few rows."""
    monkeypatch.setattr(large, "LARGE", 0)
    monkeypatch.setattr(table, "_PIECE", 300)
    monkeypatch.setattr(row_file, "PIECE", 7)
    monkeypatch.setattr(series_file, "PIECE", 7)


def assert_alike(ours: SeriesCorpus, others: SeriesCorpus) -> None:
    assert len(ours.items) == len(others.items)
    for one, other in zip(ours.items, others.items, strict=True):
        assert isinstance(one.targets, RowFile)
        assert (one.id, one.start, one.frequency, one.columns) == (
            other.id,
            other.start,
            other.frequency,
            other.columns,
        )
        for part in ("targets", "past", "known"):
            np.testing.assert_array_equal(np.asarray(getattr(one, part)), getattr(other, part))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (wide(200), {"target": "load", "past": "warmth", "known": "holiday"}),
        (wide(200), {"target": "warmth,load"}),
        (long(20), {"series_column": "series"}),
        ('{"y": 1, "x": 2}\n' * 30 + '{"y": null, "x": 4}\n', {"target": "y", "known": "x"}),
        ('{"y": 1, "x": 2}\n' * 30 + '{"y": 3}\n' * 60, {"target": "y", "known": "x"}),
        ("\ufeff" + '{"y": 1}\n' * 60, {"target": "y"}),
        ("\n" + wide(30), {"target": "warmth"}),
    ],
    ids=[
        "covariates",
        "two targets",
        "long form",
        "JSON lines",
        "a column that ends",
        "byte order mark",
        "empty line",
    ],
)
def test_a_large_table_is_the_series_of_a_small_one(
    text: str, options: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "table.txt"
    path.write_text(text)
    small = read_series(path, **options, folder=tmp_path / "work")
    request.getfixturevalue("small_pieces")
    assert_alike(read_series(path, **options, folder=tmp_path / "work"), small)
    assert list((tmp_path / "work").iterdir()) == [], "the file has no name once it is written"


def test_a_series_without_a_value_is_left_out_of_a_large_table_too(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(long(20) + "".join(f"2024-01-{day:02},empty,\n" for day in range(1, 9)))
    small = read_series(path, series_column="series")
    request.getfixturevalue("small_pieces")
    corpus = read_series(path, series_column="series", folder=tmp_path)
    assert_alike(corpus, small)
    assert corpus.left_out == small.left_out != []


def test_a_large_parquet_file_is_the_series_of_a_small_one(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    times = np.datetime64("2024-01-01T00") + np.arange(50).astype("timedelta64[h]")
    content = arrow.table({"ds": times.astype("datetime64[us]"), "y": np.arange(50) / 3})
    parquet.write_table(content, tmp_path / "t.parquet", row_group_size=20)
    small = read_series(tmp_path / "t.parquet")
    request.getfixturevalue("small_pieces")
    assert_alike(read_series(tmp_path / "t.parquet", folder=tmp_path), small)


def test_what_is_written_has_no_name(tmp_path: Path) -> None:
    def pieces() -> Iterator[np.ndarray]:
        for number in range(3):
            assert list(tmp_path.iterdir()) == [], "nothing stays where a process is killed"
            yield np.full((100_000, 1), number, dtype=np.float64)

    rows = RowFile.write(tmp_path / "t", pieces(), 1)
    assert np.asarray(rows)[[0, 100_000, -1]].tolist() == [[0], [1], [2]]


def test_an_array_is_read_in_memory_or_from_its_file(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    values = np.arange(60, dtype=np.float32).reshape(30, 2)
    values[28:, 0] = np.nan
    np.save(tmp_path / "a.npy", values)
    small = read_series(tmp_path / "a.npy", target="value 0", known="value 1")
    assert isinstance(small.items[0].targets, np.ndarray)
    assert (small.items[0].targets.shape, small.items[0].known.shape) == ((28, 1), (30, 1))
    assert "1 series of 28 steps (npy), in order, without times" in small.account()
    request.getfixturevalue("small_pieces")
    assert_alike(read_series(tmp_path / "a.npy", target="value 0", known="value 1"), small)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \[2, 3, 4\]; numbers belong there"),
        (np.asfortranarray(np.zeros((5, 3))), "column by column"),
        (np.array(["a"]), "<U1 of shape"),
        (np.array([1.0, np.inf]), "step 1: a value is infinite"),
        (np.array([np.nan, np.nan]), "has no value"),
    ],
)
def test_arrays_of_another_form_are_refused(array: np.ndarray, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(CorpusError, match=message):
        read_series(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (b"'<f8'", b"',f8'", "this .npy file cannot be read: "),
        (b"}", b" ", "this .npy file cannot be read: "),
        (b"(50, 2)", b"(-5, 2)", r"shape \[-5, 2\]; numbers belong there"),
    ],
)
def test_an_array_with_a_damaged_header_is_refused(
    right: bytes, wrong: bytes, message: str, tmp_path: Path
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((50, 2)))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes().replace(right, wrong))
    with pytest.raises(CorpusError, match=message):
        read_series(tmp_path / "a.npy")


def test_an_array_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((50, 2)))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(CorpusError, match="ends before its 50 rows do"):
        read_series(tmp_path / "a.npy")


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["2024-01-21,b,200", "2024-01-21,a,3"], {"series_column": "series"}, "line 43: the series 'a' goes on after"),
        (["2024-01-03,b,1"], {"series_column": "series"}, "line 42: the time 2024-01-03 00:00:00 is not a whole"),
        ([], {}, "line 22: the time 2024-01-01 00:00:00 is not a whole .*--series-column"),
        (["2024-01-21,b,none,4"], {"series_column": "series"}, "line 42: there are 4 columns"),
        ([], {"series_column": "series", "target": "value", "static": "series"}, "static columns are not read"),
    ],
)  # fmt: skip
def test_a_large_table_that_is_not_in_order_is_refused(
    lines: list[str], options: dict[str, str], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(long(20) + "\n".join(lines) + "\n")
    with pytest.raises(CorpusError, match=message):
        read_series(path, **options, folder=tmp_path)


@pytest.mark.usefixtures("small_pieces")
def test_a_large_table_without_times_whose_pieces_hold_a_series_each_is_not_joined(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"

    def write(name: str, *names: str) -> None:
        path.write_text("".join([f"{name},y\n", *(f"{cell},{k}\n" for cell in names for k in range(100))]))

    write("series", "N", "S")
    corpus = read_series(path, folder=tmp_path)
    assert [(item.id, len(item)) for item in corpus.items] == [("N", 100), ("S", 100)]
    for name, last, says in (
        ("shop", "S", "'shop' is 'S' here and 'N' before"),
        ("series", "", "'series' is empty"),
    ):
        write(name, "N", last)
        with pytest.raises(CorpusError, match=f"line 102: .*{says}.*--series-column"):
            read_series(path, folder=tmp_path)
        assert len(read_series(path, series_column=name, folder=tmp_path).items) == 2
    write("shop", "N", "")
    assert [len(item) for item in read_series(path, folder=tmp_path).items] == [200]


@pytest.mark.parametrize("size", [0, 1 << 28], ids=["large", "small"])
@pytest.mark.parametrize(
    "read", [read_plain, read_series, lambda path: read_series(path, folder=path.parent)]
)
def test_a_file_that_may_not_be_opened_is_refused(
    read: Callable[[Path], Any], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.csv").write_text(long(20))
    monkeypatch.setattr(large, "LARGE", size)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(CorpusError, match=r"t\.csv cannot be read: Permission denied"):
        read(tmp_path / "t.csv")
