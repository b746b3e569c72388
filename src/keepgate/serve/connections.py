"""HTTP connections with time limits for headers and answers, a maximum number of them, and rate-limited logging."""

import asyncio
import contextlib
import fcntl
import logging
import socket
import struct
import sys
import termios
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from .limits import Limits

# A malformed request may come as often as anybody likes; so often is it told.
_SECONDS_BETWEEN_LINES = 60.0


class TimedConnection(H11Protocol):
    """uvicorn's connection, closed when no whole request's headers come in time, or nobody takes its answer."""

    def __init__(self, *, limits: Limits, **settings: Any) -> None:
        super().__init__(**settings)
        self.limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._left: int | None = None  # of its answers, when last looked

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timer of a new connection; of too many, the one that has been idle longest is closed."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.limits.connections:
            idle = [
                other for other in self.connections if isinstance(other, TimedConnection) and other.is_idle
            ]
            oldest = min(idle, key=lambda connection: connection.idle_since)
            # It is lost in the loop's next round; until then others may come.
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer of a closed connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Starts the timer for the next request's headers."""
        self._wait()
        super().on_response_complete()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered: none has come, or its headers are still coming."""
        return self.cycle is None or self.cycle.response_complete

    def _should_upgrade(self) -> bool:
        """False: requests to upgrade to WebSockets or HTTP/2 are answered in HTTP/1.1."""
        return False

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.idle_since, self._left = self.loop.time(), None
        self._timer = self.loop.call_later(self.limits.headers, self._late, self.cycle)

    def _late(self, before: Any) -> None:
        """Closes an idle connection.

        A request that has come meanwhile gets the time that answering may take, and so does a reader of answers, again
        while some of them are taken.
        """
        if self.is_idle or self.cycle is before:
            untaken = self._untaken()
            if not untaken:
                self.transport.abort()
                return
            if self._left is not None and untaken >= self._left:
                self._reset()
                return
            self._left = untaken
        seconds = self.limits.upload + 2 * self.limits.seconds
        self._timer = self.loop.call_later(seconds, self._late, self.cycle)

    def _untaken(self) -> int:
        """Bytes of answers that are not on the other side yet: those to be sent, and those that the system keeps."""
        queue_size = bytearray(4)
        with contextlib.suppress(OSError):  # a system that does not tell
            fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queue_size)
        return self.transport.get_write_buffer_size() + int.from_bytes(queue_size, sys.byteorder)

    def _reset(self) -> None:
        """Closes the connection; what nobody has taken is dropped, which the system would else keep for minutes."""
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.transport.abort()


class OncePerMinute(logging.Filter):
    """A log filter that passes the same message once a minute, with how many more there were since."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}
        self._dropped: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written. Errors always are."""
        message, now = str(record.msg), time.monotonic()
        if record.levelno >= logging.ERROR:
            return True
        if now - self._last.get(message, float("-inf")) < _SECONDS_BETWEEN_LINES:
            self._dropped[message] = self._dropped.get(message, 0) + 1
            return False
        self._last[message] = now
        if dropped := self._dropped.pop(message, 0):
            record.msg = f"{message} ({dropped:,} more like it since the last line)"
        return True
