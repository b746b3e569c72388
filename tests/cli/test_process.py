"""As a process: Ctrl-C at any moment, a pipe that closes, terminals without letters or colours."""

import contextlib
import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keepgate.cli import app
from keepgate.cli.__main__ import main

KEEPGATE = [sys.executable, "-m", "keepgate.cli"]
ASKED = "是誰想要成為海賊王?"


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **changes}


@pytest.mark.parametrize("module", ["cyclopts", "rich.console", "torch"])
def test_ctrl_c_ends_quietly_even_while_libraries_load(module: str) -> None:
    program = f"""
import builtins, os, signal, sys
load = builtins.__import__
def interrupted(name, *rest):
    if name == {module!r}:
        builtins.__import__ = load
        os.kill(os.getpid(), signal.SIGINT)
    return load(name, *rest)
builtins.__import__ = interrupted
from keepgate.cli.__main__ import main
sys.exit(main(["explain"]))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert ran.returncode == 130
    assert ran.stderr.decode().strip() == "keepgate: stopped by Ctrl-C"


def test_ctrl_c_that_a_library_made_an_error_of_is_still_ctrl_c(
    monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    def swallow() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt:
            raise ImportError("cannot load module more than once per process") from None

    monkeypatch.setattr(app, "build", swallow)
    ran = keepgate()
    assert (ran.code, ran.err.strip()) == (130, "keepgate: stopped by Ctrl-C")
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def run(*arguments: str, **settings: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*KEEPGATE, *arguments], timeout=60, check=False, **settings)  # type: ignore[call-overload]


def test_a_closed_pipe_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    for arguments in (["--help"], ["--version"]):
        ran = run(*arguments, stdout=writing, stderr=subprocess.PIPE)
        assert (ran.returncode, ran.stderr) == (141, b"")
    os.close(writing)


# Only Linux has this device, and nothing else gives a process a full disk as its standard output.
@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="/dev/full, a disk that is always full, is Linux's own"
)
def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        ran = run("--help", stdout=full, stderr=subprocess.PIPE)
    assert ran.returncode == 3
    assert ran.stderr.decode().splitlines() == ["keepgate: the disk is full; make room and try again"]


@pytest.mark.parametrize("name", ["KEEPGATE_ISA", "KEEPGATE_THREADS"])
def test_a_wrong_setting_is_told_as_one(name: str, lstm: Path, text: Path) -> None:
    arguments = ("ask", str(lstm), "--text", str(text), "--question", ASKED)
    ran = run(*arguments, capture_output=True, env=environment(**{name: "mine"}))
    told = ran.stderr.decode()
    assert (ran.returncode, told.count("\n")) == (2, 1), told
    assert told.startswith(f"keepgate: {name} is 'mine'; ")


@pytest.mark.parametrize("changes", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_the_help_is_readable_without_letters_beyond_ascii(changes: dict[str, str]) -> None:
    # Without `site`, which reads an editable install's path, a .pth file, in the encoding of LC_ALL.
    command = [sys.executable, "-S", "-m", "keepgate.cli", "ask", "--help"]
    places = os.pathsep.join(filter(None, sys.path))
    changed = environment(**changes, PYTHONCOERCECLOCALE="0", PYTHONPATH=places)
    ran = subprocess.run(command, capture_output=True, env=changed, check=False)
    assert ran.returncode == 0
    assert "Usage: keepgate ask MODEL" in ran.stdout.decode("ascii")
    assert "\\u" not in ran.stdout.decode("ascii")


def test_a_terminal_without_letters_shows_digits_and_escapes(
    lstm: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    question = os.fsencode(ASKED).decode("ascii", "surrogateescape")
    assert main(["look", str(lstm), "--text", str(text), "--question", question]) == 0
    shown = raw.getvalue().decode("ascii")
    assert "\\u9b6f\\u592b" in shown
    assert re.search(r"^forget f  \d{20}", shown, re.MULTILINE)


def on_a_terminal(command: list[str], typed: bytes, **changes: str) -> tuple[int, str]:
    """Runs a command on a terminal of its own, types, and gives its exit code and all that was shown."""
    import pty

    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(environment(TERM="xterm-256color", COLUMNS="80", **changes))
        os.execv(command[0], command)
    shown, waiting, pressed = b"", typed, b""
    with contextlib.suppress(OSError):
        while True:
            if not select.select([terminal], [], [], 3)[0]:
                # A key that is pressed while the terminal changes its mode is lost; a person presses it again.
                os.write(terminal, pressed)
                continue
            if not (piece := os.read(terminal, 4096)):
                break
            shown += piece
            # A person types when they see the prompt.
            while waiting and shown.count(b"? ") > typed.count(b"\n") - waiting.count(b"\n"):
                line, _, waiting = waiting.partition(b"\n")
                pressed = line if line in (b"\x03", b"\x04") else b""
                os.write(terminal, pressed or line + b"\n")
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace")


def test_a_prompt_on_a_terminal_answers_in_colour_until_ctrl_c(lstm: Path, text: Path) -> None:
    ended, shown = on_a_terminal([*KEEPGATE, "ask", str(lstm), "--text", str(text)], b"Who?\n\x03\n")
    assert ended == 130, shown
    assert "an empty line or Ctrl-D ends" in shown
    assert "\x1b[1;32m" in shown
    assert "%" in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize("colour", [True, False])
def test_a_terminal_gets_colours_unless_it_asks_for_none(
    colour: bool, lstm: Path, text: Path, monkeypatch: pytest.MonkeyPatch, keepgate
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    shown = keepgate("look", lstm, "--text", text, "--question", ASKED).out
    assert bool(re.search(r"\x1b\[3[123]m", shown)) == colour


@pytest.mark.parametrize(
    ("arguments", "redirected", "code"),
    [
        (["ask", "MODEL", "--text", "-", "--question", "?"], "<&-", 3),
        (["ask", "MODEL", "--text", "TEXT"], "<&-", 3),
        (["ask", "MODEL", "--text", "TEXT", "--question", ASKED], ">&-", 0),
        (["ask", "MODEL", "--text", "TEXT", "--question", ASKED], "2>&-", 0),
        (["ask", "nowhere", "--text", "TEXT", "--question", ASKED], ">&- 2>&-", 3),
        (["ask", "nowhere", "--text", "TEXT", "--question", ASKED], "2>/dev/full", 3),
        (["ask", "MODEL", "--text", "TEXT", "--question", ASKED], ">/dev/full", 3),
    ],
)
def test_streams_that_are_closed_or_full(
    arguments: list[str], redirected: str, code: int, lstm: Path, text: Path
) -> None:
    words = [{"MODEL": str(lstm), "TEXT": str(text)}.get(word, word) for word in arguments]
    command = f'"$0" "$@" {redirected}'
    ran = subprocess.run(
        ["sh", "-c", command, *KEEPGATE, *words],
        capture_output=True, text=True, timeout=120, check=False, env=environment(),
    )  # fmt: skip
    assert ran.returncode == code, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "bug" not in ran.stderr


def test_no_columns_are_no_width(lstm: Path, text: Path, keepgate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    ran = keepgate("ask", lstm, "--text", text, "--question", ASKED)
    assert ran.out.strip()
