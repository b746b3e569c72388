"""Labelled and tagged texts that stay in their files: the same items and counts as in memory, and the same errors."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keepgate.data.balance import imbalance_of
from keepgate.data.batch import POOL, blocks_of, bucketed
from keepgate.data.corpora import large
from keepgate.data.corpora.labelled import read_labelled
from keepgate.data.corpora.tagged import read_tagged
from keepgate.data.item_file import ItemFile
from keepgate.data.overlap import overlap_of
from keepgate.errors import BundleError, CorpusError

CSV = '\ufefftext,"la\nbel",label\n"one, ""two""\nthree",x,good\r\n\nshort,y,bad\n,z,bad\n海 😀,,good'
TSV = "\ttext\tlabel\n0\tone\tgood\n1\ttwo\tbad"
JSON_LINES = (
    '\n{"text": "海 and 😀", "label": ["a", "b"]}\n\n{"label": "c", "id": 7, "text": "x"}\r\n'
    '{"text": "", "label": "c"}\n{"text": "y", "label": []}\n'
)
COLUMNS = "-DOCSTART- O\n\n王 B-PER\r\n明 E-PER\n\n\n來 O\n"
CONLLU = (
    "# sent_id = 1\n1\t看見\t看見\tVERB\tVV\t_\t0\troot\t_\t_\n2-3\t了嗎\t_\t_\t_\t_\t_\t_\t_\t_\n\n"
    "# sent_id = 2\n1\t嗎\t嗎\tPART\tSP\t_\t1\tdiscourse\t_\t_\n"
)
TAGGED_LINES = (
    '{"tokens": ["a", "b"], "tags": ["O", "B-X"], "text": "a  b"}\n{"tokens": [], "tags": []}\n'
    '{"tokens": ["c"], "tags": ["O"], "label": "l"}'
)


def both(reader: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, *contents: str, **options: Any) -> Any:
    """The corpus of these files in memory, and that of the same texts left in them."""
    paths = []
    for number, content in enumerate(contents):
        paths.append(folder / f"{number}.txt")
        paths[-1].write_text(content, encoding="utf-8", newline="")
    small = reader(paths, **options)
    with monkeypatch.context() as patched:
        patched.setattr(large, "LARGE", 0)
        return small, reader(paths, folder=folder / "work", **options)


@pytest.mark.parametrize(
    ("reader", "contents"),
    [
        (read_labelled, [CSV]),
        (read_labelled, [TSV]),
        (read_labelled, [JSON_LINES, CSV]),
        (read_labelled, [JSON_LINES.replace("\r\n", "\n").replace("\n", "\r"), TSV.replace("\n", "\r")]),
        (
            read_labelled,
            [" \n\n" + TSV, '{"text": "x", "label": "c"}\n{"text": "y", "label": ["b", "a", "a"]}'],
        ),
        (read_tagged, [COLUMNS.replace("\r\n", "\n").replace("\n", "\r")]),
        (read_labelled, ['text;label\rone, two;a\r"three\nfour";b\r']),
        (read_tagged, [COLUMNS]),
        (read_tagged, [CONLLU]),
        (read_tagged, [TAGGED_LINES, COLUMNS]),
    ],
)
def test_texts_in_files_are_those_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Any, contents: list[str]
) -> None:
    small, large = both(reader, tmp_path, monkeypatch, *contents)
    assert isinstance(large.items, ItemFile)
    assert not isinstance(small.items, ItemFile)
    assert list(large.items) == list(small.items)
    assert large.items[::-2] == small.items[::-2]
    assert large.account() == small.account()
    assert (large.left_out, large.format) == (small.left_out, small.format)
    assert getattr(large, "several", None) == getattr(small, "several", None)
    assert not list((tmp_path / "work").iterdir())


def test_labels_between_signs_and_named_columns_are_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"text_column": "b", "label_column": "a", "label_separator": "|"}
    small, large = both(read_labelled, tmp_path, monkeypatch, "a,b\nx|y,one\n,two\n", **names)
    assert list(large.items) == list(small.items)
    assert large.account() == small.account()


def test_sentences_about_the_data_are_those_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"text": f"text {k} " + "x" * (500 * (k < 2)), "label": "rare" if k < 9 else "good"}
        for k in range(200)
    ]
    small, large = both(read_labelled, tmp_path, monkeypatch, "\n".join(map(json.dumps, rows)))
    assert len(imbalance_of(small.items, "texts")) == 2
    assert imbalance_of(large.items, "texts") == imbalance_of(small.items, "texts")
    dev = [small.items[3], small.items[3], small.items[5]]
    assert overlap_of(large.items[:5], dev, "texts") == overlap_of(small.items[:5], dev, "texts")
    assert "2 of 3 texts" in overlap_of(large.items[:5], dev, "texts")


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (read_labelled, "text,label\none,good\ntwo\n"),
        (read_labelled, 'text,label\none,good\n"two,bad\n'),
        (read_labelled, "text,text,label\none,two,good\n"),
        (read_labelled, "text,text\none,good\n"),
        (read_labelled, 'words,la"bel\none,good\n'),
        (read_labelled, '{"text": "x", "label": "a"}\n{"text": "x", "lab\n'),
        (read_labelled, '{"text": "x", "label": "a"}\n[1]\n'),
        (read_labelled, '{"text": {}, "label": "a"}\n'),
        (read_labelled, "text,label\n,good\n"),
        (read_tagged, "a O\nb\n"),
        (read_tagged, '{"tokens": ["a"], "tags": ["O"]}\n{"tokens": ["a"], "tags": ["O"], "text": "b"}\n'),
        (read_tagged, '{"tokens": [], "tags": []}\n'),
        (read_tagged, " \n\n"),
        (read_labelled, "\n\n"),
    ],
)
def test_what_is_broken_is_told_as_of_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Callable[..., Any], content: str
) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(content)
    with pytest.raises(CorpusError) as in_memory:
        reader(path)
    monkeypatch.setattr(large, "LARGE", 0)
    with pytest.raises(CorpusError) as in_file:
        reader(path, folder=tmp_path)
    assert str(in_file.value) == str(in_memory.value)


def test_what_cannot_be_left_in_its_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", 0)
    path = tmp_path / "a.csv"
    path.write_text(TSV)
    for reader in (read_labelled, read_tagged):
        with pytest.raises(CorpusError, match="- is given beside a file of more than 256 MiB, which"):
            reader([path, "-"], folder=tmp_path)
    path.write_bytes(b"text,label\none,good\n" * 9 + b"\xff,bad\n")
    for reader in (read_labelled, read_tagged):
        with pytest.raises(CorpusError, match="is not UTF-8"):
            reader(path, folder=tmp_path)
    path.write_text(TSV)
    with pytest.raises(BundleError, match=r"cannot write where the texts lie into .*a\.csv.work: "):
        read_labelled(path, folder=path / "work")
    corpus = read_labelled(path, folder=tmp_path)
    path.write_text("")
    with pytest.raises(BundleError, match="has become shorter while it was read"):
        corpus.items[0]


def test_batches_of_a_file_are_shuffled_by_blocks_and_of_similar_lengths() -> None:
    rng = np.random.default_rng(0)
    lengths, block, size = rng.integers(1, 300, POOL * 40 + 17).astype(np.int32), 10, 8
    count = len(lengths)
    assert count > POOL * block
    batches = blocks_of(count, lengths, block, size, 5, 1)
    every = [batches(place) for place in range(-(-count // size))]
    assert sorted(row for batch in every for row in batch) == list(range(count))
    assert [batches(place) for place in (3, 200, 3)] == [every[3], every[200], every[3]]
    padding = [lengths[batch].max() / lengths[batch].mean() for batch in every]
    assert np.mean(padding) < 1.1
    assert min(len({row // block for row in batch}) for batch in every[:20]) > 4
    assert all(np.ptp(batch) > count / 3 for batch in every[:20])
    other, again = (blocks_of(count, lengths, block, size, 5, epoch) for epoch in (2, 1))
    assert other(0) != every[0]
    assert again(7) == every[7]
    few = lengths[: POOL * block]
    memory = bucketed(few.tolist(), size, 5, 1)
    fits = blocks_of(len(few), few, block, size, 5, 1)
    assert [fits(place) for place in range(len(memory))] == memory
