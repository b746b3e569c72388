"""Exports to a full disk, to where nothing can be written, and killed in the middle: nothing is half written."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import keepgate.onnx
from keepgate import c99
from keepgate.demo.pretrained import folders
from keepgate.errors import KeepgateError
from tests.small_disk import on_a_small_disk


def to_onnx(place: Path) -> Any:
    return keepgate.onnx.export(keepgate.GRU(8, 64), place / "model[1].onnx", torch.randn(4, 2, 8))


def to_c(place: Path) -> Any:
    return c99.export(folders()["en/rnn"], place / "model[1]")


EXPORTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "ONNX file": (to_onnx, "model[1].onnx"),
    "C export": (to_c, "model[1]"),
}


def content(place: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in place.rglob("*")}


@on_a_small_disk(kilobytes=16)
def test_a_full_disk(disk: Path) -> None:
    (disk / "model[1].onnx").write_bytes(b"what was there")
    before = content(disk)
    for kind, (export, _) in EXPORTS.items():
        with pytest.raises(KeepgateError, match=rf"cannot write the {kind} .*the disk is full: free some"):
            export(disk)
        assert content(disk) == before


@pytest.mark.parametrize("kind", EXPORTS)
def test_a_path_through_a_file(kind: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    export, _ = EXPORTS[kind]
    with pytest.raises(KeepgateError, match=rf"cannot write the {kind} .*a part of that path is a file"):
        export(tmp_path / "file")
    assert content(tmp_path) == {tmp_path / "file": b"x"}


KILLED = """
import os, sys
from pathlib import Path
from keepgate.export import folder
from tests.export.test_unwritten_exports import EXPORTS

def half(path, content):
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    os.kill(os.getpid(), 9)

Path.write_bytes = folder._write_through = half
EXPORTS[sys.argv[1]][0](Path(sys.argv[2]))
"""


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_that_is_killed_and_the_next_one(kind: str, tmp_path: Path) -> None:
    export, name = EXPORTS[kind]
    export(tmp_path)
    before = content(tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED, kind, tmp_path], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    after = content(tmp_path)
    assert {path: after[path] for path in before} == before
    assert any(path.name.startswith(f".{name}.writing-") for path in after.keys() - before.keys())
    export(tmp_path)
    assert content(tmp_path).keys() == before.keys()
