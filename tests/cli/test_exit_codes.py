"""Whatever a person does, they get one line that helps and a code that a script can read; never a traceback."""

import errno
from pathlib import Path

import cyclopts
import pytest

import keepgate as package
from keepgate.cli import app, exit_codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (package.SettingsError("x"), 2),
        (package.ShapeError("x"), 2),
        (package.CellError("x"), 2),
        (package.KernelRefused("x"), 2),
        (package.CorpusError("x"), 3),
        (package.BundleError("x"), 3),
        (FileNotFoundError(errno.ENOENT, "No such file", "notes.txt"), 3),
        (package.TrainingStopped("x"), 4),
        (exit_codes.FellShort("x"), 5),
        (ValueError("x"), 1),
    ],
)
def test_each_error_has_its_code(error: Exception, code: int) -> None:
    assert exit_codes.fault_of(error).code == code


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOENT, "notes.txt: there is no such file"),
        (errno.EACCES, "notes.txt: it may not be read"),
        (errno.EISDIR, "notes.txt: it is a folder"),
        (errno.ENOSPC, "notes.txt: the disk is full"),
        (errno.EIO, "notes.txt: input/output error"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(number: int, says: str) -> None:
    assert exit_codes.fault_of(OSError(number, "Input/output error", "notes.txt")).message.startswith(says)


def test_a_bug_is_one_line_that_asks_for_a_report() -> None:
    message = exit_codes.fault_of(KeyError("first\nsecond")).message
    assert "bug in keepgate (KeyError" in message
    assert "KEEPGATE_DEBUG=1" in message
    assert "\n" not in message


def test_too_little_memory_is_no_bug() -> None:
    assert "memory" in exit_codes.fault_of(MemoryError()).message
    refused = RuntimeError(
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    )
    assert "bug" not in exit_codes.fault_of(refused).message


WRONG_USE = {
    "expl": 'unknown command "expl"',
    "ask": "`keepgate ask` needs MODEL: the folder",
    "ask m": "`keepgate ask` needs --text: a file",
    "ask m --text": "--text needs a value after it",
    "ask m --text a --txet b": "did you mean --text?",
    "ask a b --text c": "has no use for 'b'",
    "ask m --text a --text b": "--text is given more than once",
    "explain --steps many": "--steps is 'many'; it must be a whole number",
    "explain --dtype float31": "--dtype is 'float31'; choose one of float32",
    "explain --steps 0": "--steps is 0; it must be 1 or more",
    "explain --cell lsmt": "there is no cell 'lsmt'; known are lstm",
    "explain --cell lstm --device nowhere": "--device is 'nowhere'",
    "look m --text a --question b --tokens 1-2": "--tokens is '1-2'; write FROM:TO",
    "look m --text a --question b --direction up": "choose one of",
    "train reader a --out m --learning-rate fast": "--learning-rate is 'fast'; it must be a number",
    "train raeder a": 'unknown command "raeder"',
}


@pytest.mark.parametrize("line", WRONG_USE)
def test_wrong_use_says_what_to_do(line: str, keepgate) -> None:
    ran = keepgate(*line.split())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("keepgate: ")
    assert WRONG_USE[line].lower() in ran.err.lower()
    assert "Traceback" not in ran.err


def test_wrong_use_points_at_the_help_of_that_command(keepgate) -> None:
    assert keepgate("train", "reader").err.endswith("See: keepgate train reader --help\n")


BROKEN = {
    "missing": (None, "does not exist"),
    "empty": (b" \n", "is empty"),
    "big5": ("海賊王想要出海".encode("big5"), "iconv -f BIG5"),
    "zeros": (b"abc\0def", "zero bytes"),
    "packed": (b"\x1f\x8b\x08rest", "packed (gzip)"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_text_is_named_with_its_fault(kind: str, tmp_path: Path, lstm: Path, keepgate) -> None:
    content, says = BROKEN[kind]
    path = tmp_path / "notes.txt"
    if content is not None:
        path.write_bytes(content)
    ran = keepgate("ask", lstm, "--text", path, "--question", "?")
    assert (ran.code, ran.out) == (3, "")
    assert "notes.txt" in ran.err
    assert says in ran.err


def test_an_altered_model_is_refused(tmp_path: Path, text: Path, keepgate) -> None:
    (tmp_path / "model").mkdir()
    ran = keepgate("ask", tmp_path / "model", "--text", text, "--question", "?")
    assert ran.code == 3
    assert "manifest.json" in ran.err


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, keepgate) -> None:
    monkeypatch.setenv("KEEPGATE_DEBUG", "1")
    with pytest.raises(cyclopts.CycloptsError):
        keepgate("nothing")


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_ctrl_c_and_a_closed_pipe_have_their_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "build", fail)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    ran = keepgate()
    assert ran.code == code
    assert ("Ctrl-C" in ran.err) == (code == 130)
