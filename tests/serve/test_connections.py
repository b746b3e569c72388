"""Connections that no browser makes: each is answered or closed, and none fills the terminal or shuts others out."""

import contextlib
import logging
import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from keepgate.serve import connections
from keepgate.serve.limits import Limits

pytest.importorskip("uvicorn")


@contextlib.contextmanager
def connected(client, *starts: bytes) -> Iterator[list[socket.socket]]:
    """A connection for each of these first bytes."""
    lines = [socket.create_connection(("127.0.0.1", client.address.port), timeout=10) for _ in starts]
    try:
        for line, start in zip(lines, starts, strict=True):
            line.sendall(start)
        yield lines
    finally:
        for line in lines:
            line.close()


def closed_within(line: socket.socket, seconds: float, send: bytes = b"") -> bool:
    """Whether the server closes the connection in time, while `send` is sent again and again."""
    end = time.monotonic() + seconds
    line.settimeout(0.02)
    while time.monotonic() < end:
        try:
            if send:
                line.sendall(send)
            if not line.recv(65_536):
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def head(client, *more: str) -> bytes:
    return "\r\n".join(["GET /api/models HTTP/1.1", f"Host: 127.0.0.1:{client.address.port}", *more]).encode()


@pytest.mark.parametrize("send", [b"", b"x"], ids=["still", "a letter at a time"])
@pytest.mark.parametrize("answered", [False, True], ids=["first request", "second request"])
@pytest.mark.parametrize(
    "start",
    [lambda _: b"", lambda _: b"GE", lambda client: head(client, "X-Slow: ")],
    ids=["none", "word", "header"],
)
def test_headers_that_never_end(
    start: Callable[..., bytes], answered: bool, send: bytes, serve, models
) -> None:
    with serve(models, Limits(headers=0.5)) as client:
        first = head(client) + b"\r\n\r\n" if answered else b""
        with connected(client, first + start(client)) as (line,):
            assert closed_within(line, 8, send)
        assert client.get("/api/models").status == 200


@pytest.mark.parametrize("requests", [200, 20_000], ids=["all read by the server", "some unread"])
def test_an_answer_that_nobody_takes(requests: int, serve, models) -> None:
    with serve(models, Limits(headers=0.2, upload=0.2, seconds=0.2)) as client:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        line.connect(("127.0.0.1", client.address.port))
        # Many requests at once, whose answers fill what the system keeps for who does not read.
        with contextlib.suppress(ConnectionError, TimeoutError):
            line.settimeout(1)
            line.sendall((head(client) + b"\r\n\r\n") * requests)
        # Not a byte is read; the system tells all the same that the other side has closed.
        closed = select.poll()
        closed.register(line, select.POLLHUP)
        assert closed.poll(20_000)
        line.close()
        assert client.get("/api/models").status == 200


def test_an_idle_connection_is_closed_and_not_reset(serve, models) -> None:
    with (
        serve(models, Limits(headers=0.5)) as client,
        connected(client, b"", head(client) + b"\r\n\r\n") as (silent, answered),
    ):
        assert silent.recv(65_536) == b""
        answer = b"".join(iter(lambda: answered.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 200")


def test_an_answer_that_is_taken_slowly_arrives_whole(serve, models) -> None:
    requests, start = 200, b"HTTP/1.1 200 OK"
    with serve(models, Limits(headers=0.2)) as client, socket.socket() as line:
        line.settimeout(10)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        line.connect(("127.0.0.1", client.address.port))
        line.sendall((head(client) + b"\r\n\r\n") * requests)
        time.sleep(2)  # all have been answered for longer than the next request's headers may take
        taken = b""
        while taken.count(start) < requests and (part := line.recv(65_536)):
            taken += part
        assert taken.count(start) == requests


def test_of_too_many_connections_the_idle_ones_go_first(serve, models) -> None:
    with (
        serve(models, Limits(connections=8, headers=30)) as client,
        connected(client, *[b"GET /"] * 60) as lines,
    ):
        assert client.get("/api/models").status == 200
        still = [line for line in lines if not closed_within(line, 0.1)]
        assert 0 < len(still) <= 8
        assert all(line in lines[-9:] for line in still)


def test_slow_bodies_do_not_take_every_connection(serve, models) -> None:
    body = "POST /api/read HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 9\r\n\r\n{{"
    with serve(models, Limits(connections=8, upload=1)) as client:
        with connected(client, *[body.format(client.address.port).encode()] * 40) as lines:
            time.sleep(0.5)
            assert sum(not closed_within(line, 0.02) for line in lines) <= 9
        assert client.get("/api/models").status == 200


def test_malformed_requests_are_told_once_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(connections.time, "monotonic", lambda: now[0])
    once = connections.OncePerMinute()

    def told(level: int, message: str) -> str | None:
        record = logging.LogRecord("uvicorn.error", level, "", 0, message, None, None)
        return record.getMessage() if once.filter(record) else None

    assert told(logging.WARNING, "Invalid") == "Invalid"
    assert [told(logging.WARNING, "Invalid") for _ in range(99)] == [None] * 99
    assert told(logging.WARNING, "Another") == "Another"
    assert told(logging.ERROR, "A bug") == told(logging.ERROR, "A bug") == "A bug"
    now[0] = 61
    assert told(logging.WARNING, "Invalid") == "Invalid (99 more like it since the last line)"
    now[0] = 122
    assert told(logging.WARNING, "Invalid") == "Invalid"


def test_what_is_no_http_writes_one_line(client, caplog: pytest.LogCaptureFixture) -> None:
    garbage = b"\x16\x03\x01 this is not HTTP\r\n\r\n"
    for _ in range(30):
        with connected(client, garbage) as (line,):
            assert closed_within(line, 5)
    assert sum(record.name == "uvicorn.error" for record in caplog.records) <= 1
