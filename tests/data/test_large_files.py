"""A file that memory cannot hold is refused before it is read, with what to do."""

from pathlib import Path

import pytest

from keepgate.data.corpora import read, source
from keepgate.data.corpora.labelled import read_labelled
from keepgate.data.corpora.labelled_series import read_labelled_series
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


def test_what_fits_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "small.csv"
    path.write_text("text,label\ngood,1\nbad,0\n")
    for free in (1 << 20, None):
        monkeypatch.setattr(source, "available_memory", lambda free=free: free)
        assert len(read_labelled(path).items) == 2


def test_the_free_memory_is_some_of_this_machines() -> None:
    free = source.available_memory()
    assert free is None or 1 << 20 < free < 1 << 50
