"""A file that memory cannot hold is refused before it is read, with what to do."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from keepgate.data.corpora import read, source
from keepgate.data.corpora.labelled import read_labelled
from keepgate.data.corpora.labelled_series import read_labelled_series
from keepgate.data.corpora.plain_text import read_plain
from keepgate.data.corpora.series import read_series
from keepgate.data.corpora.tagged import read_tagged
from keepgate.errors import CorpusError


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """10 GiB that take no room on the disk."""
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.write(b"text,label\n")
        file.truncate(10 << 30)
    return path


@pytest.mark.parametrize("reader", [read, read_labelled, read_labelled_series, read_series, read_tagged])
def test_ten_gibibytes_are_refused(reader: object, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "available_memory", lambda: 8 << 30)
    with pytest.raises(CorpusError, match=r"has 10\.0 GiB.*8\.0 GiB of memory are free.*Give a part"):
        reader(large)  # type: ignore[operator]


@pytest.mark.parametrize(
    "reader", [read, read_labelled, read_labelled_series, read_series, read_tagged, read_plain]
)
def test_files_that_only_together_are_too_large_are_refused(
    reader: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{number}.csv" for number in range(3)]
    for path in paths:
        path.write_text("text,label\n" * 100_000)
    monkeypatch.setattr(source, "available_memory", lambda: 2 * 4 * 1_100_000)
    with pytest.raises(CorpusError, match=r"0\.csv and 2 more have 0\.0 GiB.*Give a part"):
        reader(paths)  # type: ignore[operator]


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_packed_numbers_count_as_large_as_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    path = tmp_path / f"packed.{form}"
    if form == "npz":
        np.savez_compressed(path, x=np.zeros((100, 1000, 8)), y=np.arange(100))
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        arrow = pytest.importorskip("pyarrow")
        parquet.write_table(arrow.table({name: np.zeros(800_000) for name in "abc"}), path)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(source, "available_memory", lambda: 4 * 1_000_000)
    with pytest.raises(CorpusError, match=r"packed.* has 0\.0 GiB.*of memory are free"):
        (read_labelled_series if form == "npz" else read_series)(path)


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("text,label\ngood,1\nbad,0\n",))
    writer.start()
    assert len(read_labelled(path).items) == 2
    writer.join()


@pytest.mark.parametrize(
    ("limit", "usage", "prefix"),
    [("memory.max", "memory.current", ""), ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")],
)
def test_a_containers_limit_counts_but_not_the_files_in_its_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, usage: str, prefix: str
) -> None:
    places = [(tmp_path, *names) for _, *names in source._LIMITS]
    monkeypatch.setattr(source, "_LIMITS", places)
    (tmp_path / limit).write_text(f"{64 << 20}\n")
    (tmp_path / usage).write_text(f"{50 << 20}\n")
    cached = f"anon 7\n{prefix}inactive_file {8 << 20}\n{prefix}active_file {2 << 20}\n"
    (tmp_path / "memory.stat").write_text(cached)
    assert source.available_memory() == 24 << 20
    (tmp_path / limit).write_text("max\n")
    free = source.available_memory()
    assert free is None or free > 24 << 20


def test_what_fits_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.csv"
    path.write_text("text,label\ngood,1\nbad,0\n")
    for free in (1 << 20, None):
        monkeypatch.setattr(source, "available_memory", lambda free=free: free)
        assert len(read_labelled(path).items) == 2


def test_the_free_memory_is_some_of_this_machines() -> None:
    free = source.available_memory()
    assert free is None or 1 << 20 < free < 1 << 50
