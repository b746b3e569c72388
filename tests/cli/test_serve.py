"""keepgate serve: what it says when it starts, when it cannot, and when it ends."""

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keepgate.cli import serve
from keepgate.serve.guard import Address


def started(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A server as a process of its own, and the address that it printed."""
    command = [sys.executable, "-m", "keepgate.cli", "serve", "--port", "0", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def models_at(url: str) -> list[dict[str, object]]:
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=30)
    try:
        connection.request("GET", "/api/models")
        return json.loads(connection.getresponse().read())["models"]
    finally:
        connection.close()


def test_it_prints_its_address_serves_one_s_own_models_first_and_ends_quietly(lstm: Path, rnn: Path) -> None:
    process, url = started(str(lstm), str(rnn) + "/")
    try:
        assert url.startswith("http://127.0.0.1:")
        found = models_at(url)
        assert [(one["id"], one["shipped"], one["language"]) for one in found[:3]] == [
            ("lstm", False, None), ("rnn", False, None), ("zh/rnn", True, "zh"),
        ]  # fmt: skip
        assert [len(one["layers"]) for one in found[:2]] == [4, 1]  # type: ignore[arg-type]
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.split("\n") == ["Ctrl-C ends it.", "", "keepgate: stopped by Ctrl-C", ""]


def test_a_port_in_use_is_said_and_what_to_do(keepgate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = keepgate("serve", "--port", port)
    assert (ran.code, ran.out) == (2, "")
    assert f"127.0.0.1 port {port}: address already in use; give another with --port" in ran.err


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_there_is_not(port: str, keepgate) -> None:
    ran = keepgate("serve", "--port", port)
    assert (ran.code, ran.err.strip()) == (
        2,
        f"keepgate: --port is {port}; give 1 to 65535, or 0 for any that is free",
    )


@pytest.mark.parametrize("host", ["no such host", "203.0.113.7", "a" * 300, "ü" * 70])
def test_a_host_that_is_not_this_machine(host: str, keepgate) -> None:
    ran = keepgate("serve", "--port", 0, "--host", host)
    assert (ran.code, ran.out) == (2, "")
    assert "--host is" in ran.err or "cannot be served at" in ran.err
    assert "bug" not in ran.err


def test_a_model_that_is_none_is_said(tmp_path: Path, window: Path, keepgate) -> None:
    ran = keepgate("serve", "--port", 0, tmp_path / "nothing")
    assert ran.code == 3
    assert str(tmp_path / "nothing") in ran.err
    ran = keepgate("serve", "--port", 0, window)
    assert ran.code == 2
    assert "has no memory to look into" in ran.err


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, keepgate) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    ran = keepgate("serve")
    assert ran.code == 2
    assert ran.err.strip() == (
        "keepgate: the page needs uvicorn, which is not installed; install with: pip install 'keepgate[serve]'"
    )


def test_a_page_that_others_can_open_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    serve._tell(Address(host="0.0.0.0", port=8321), browser=False)
    said = capsys.readouterr()
    assert said.out == "http://127.0.0.1:8321/\n"
    assert "Other machines can open this page too" in said.err
    serve._tell(Address(host="127.0.0.1", port=8321), browser=False)
    assert "Other machines" not in capsys.readouterr().err


def test_the_browser_is_opened_at_the_address_or_its_absence_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: bool(opened.append(url)))
    serve._tell(Address(host="127.0.0.1", port=8321), browser=True)
    said, end = "", time.monotonic() + 10
    while "No browser" not in said and time.monotonic() < end:
        said += capsys.readouterr().err
    assert opened == ["http://127.0.0.1:8321/"]
    assert "open http://127.0.0.1:8321/ yourself" in " ".join(said.split())
