"""Texts and numbers that stay in their files: read piece by piece, the same as in memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from keepgate.data.corpora import large as large_files
from keepgate.data.corpora import text_file
from keepgate.data.corpora.plain_text import read_plain
from keepgate.data.token_file import TokenFile
from keepgate.errors import BundleError, CorpusError
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings

TEXT = "\ufeffAnn sees a cat.\r\nBob sees 海 and 😀.\rEnd\n" * 40 + "averylongwordwithoutanyblank" * 9


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is too large to be read whole, and read in pieces of a few letters."""
    monkeypatch.setattr(large_files, "LARGE", 0)
    monkeypatch.setattr(text_file, "PIECE", 17)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path


@pytest.mark.parametrize("tokens", ["characters", "words"])
@pytest.mark.parametrize("min_count", [1, 45])
def test_a_large_file_gives_the_vocabulary_and_the_stream_of_a_small_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: str, min_count: int
) -> None:
    small = read_plain(path)
    monkeypatch.setattr(large_files, "LARGE", 0)
    monkeypatch.setattr(text_file, "PIECE", 300)
    large = read_plain([path])
    assert large.account() == small.account()
    assert large.items[0].text == small.items[0].text
    settings = LanguageModelSettings(tokens=tokens, min_count=min_count, hidden_size=3, embedding_size=2)
    one, other = (LanguageModel.build(corpus.items, settings, seed=0) for corpus in (small, large))
    assert one.vocabulary == other.vocabulary
    stream, file = one.stream(small.items), other.stream(large.items, tmp_path / "tokens")
    assert stream.tolist() == one.ids(small.items[0].text)
    assert isinstance(file, TokenFile)
    assert torch.equal(file[0 : len(file)], stream)
    assert file.dtype == np.uint8
    excerpt = other.excerpt(large.items, 50)
    assert "".join(item.text for item in excerpt) == small.items[0].text[:50]


def test_pieces_are_cut_between_words(path: Path, large: None) -> None:
    pieces = list(read_plain(path).items[0].pieces())
    assert len(pieces) > 50
    assert all(piece[-1] in " \n" for piece in pieces if " " in piece or "\n" in piece)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good text\n" * 9 + b"\xff bad\n", "is not UTF-8"),
        (b"good text\n" * 200_000 + b"\xff bad\n", r"not UTF-8 near byte 2,000,000: invalid start byte"),
        (b"good text\n" * 9 + "海".encode()[:2], "in the middle of a character.*cut off"),
        (b"good text\n" * 9 + b"\0", "zero bytes"),
        ("text\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr(large_files, "LARGE", 0)
    (tmp_path / "text.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        read_plain(tmp_path / "text.txt")


def test_numbers_in_a_file(tmp_path: Path) -> None:
    for largest, dtype in ((255, np.uint8), (256, np.uint16), (70_000, np.int32)):
        numbers = np.arange(largest - 5, largest + 1)
        file = TokenFile.write(tmp_path / "tokens", iter([numbers[:2], numbers[2:]]), largest)
        assert (len(file), file.dtype) == (6, dtype)
        assert file[1:4].tolist() == numbers[1:4].tolist()
        assert file[4:9].tolist() == numbers[4:].tolist()
        assert file[1:4].dtype == torch.int64
    other = TokenFile.write(tmp_path / "other", iter([numbers]), largest)
    assert other.sha256 == file.sha256
    assert TokenFile.write(tmp_path / "third", iter([numbers[::-1]]), largest).sha256 != file.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "third", "tokens"]


MEASURED = """
import resource, sys
from keepgate.cli.__main__ import main
code = main(sys.argv[1:])
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
sys.exit(code)
"""


@pytest.mark.slow
def test_a_text_of_600_mib_is_trained_in_less(tmp_path: Path) -> None:
    with (tmp_path / "large.txt").open("w") as file:
        for number in range(600):
            file.write(f"{number} " + "Ann sees a cat.\nBob sees the sea.\n" * (2**20 // 34))
    options = ("--steps", "3", "--batch-size", "8", "--set", "hidden_size=16", "--set", "bptt_steps=16")
    words = (
        "train",
        "language-model",
        tmp_path / "large.txt",
        "--out",
        tmp_path / "m",
        "--threads",
        "1",
        *options,
    )
    command = [sys.executable, "-c", MEASURED, *map(str, words)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    # torch alone takes half of it.
    assert int(ran.stdout.rpartition("peak")[2]) < 600, ran.stdout
    assert not (tmp_path / "m.training" / "tokens").exists()


def test_numbers_that_a_killed_process_left_half_written_go(tmp_path: Path) -> None:
    (tmp_path / ".tokens.writing-999999999").write_bytes(b"half")
    TokenFile.write(tmp_path / "tokens", iter([np.arange(3)]), 3)
    assert [path.name for path in tmp_path.iterdir()] == ["tokens"]


def test_no_room_for_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(BundleError, match=r"cannot write the tokens .*choose another folder"):
        TokenFile.write(tmp_path / "a file" / "tokens", iter([np.arange(3)]), 3)
