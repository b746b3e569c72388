"""WorkerPool: a bounded thread pool whose requests have deadlines."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ..machine import use_one_thread
from .limits import Limits, RequestError

T = TypeVar("T")


class Deadline:
    """A request's deadline; `cancel` brings it forward to now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; 0 once it is past."""
        return max(0.0, self._end - time.monotonic())

    def cancel(self) -> None:
        """Ends it now: the client has gone, or has had its error."""
        self._end = -math.inf

    def each(self, parts: Iterable[T]) -> Iterator[T]:
        """The parts of a task, one after the other while there is time. Raises RequestError once there is none."""
        for part in parts:
            self.check()
            yield part

    def check(self) -> None:
        """Raises RequestError once it is past. What takes long calls this between its parts."""
        if not self.left:
            raise RequestError(
                504,
                "timeout",
                f"this took longer than {self.seconds:g} seconds and was given up; give a shorter text",
                seconds=self.seconds,
            )


class WorkerPool:
    """A few threads, with a bound on the requests that are computed or wait at once.

    A request counts until its work has really ended: what is past its deadline is dropped if it was not begun, and ends
    at its next check if it was; until then its thread is not given to another.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(
            limits.workers, thread_name_prefix="keepgate", initializer=use_one_thread
        )
        self._lock = threading.Lock()
        self.in_flight = 0

    async def run(
        self, work: Callable[[Deadline], T], disconnected: Callable[[], Awaitable[object]] | None = None
    ) -> T:
        """What `work` returns. Raises what it raises, and RequestError: 429 if too many wait, 504 past the deadline.

        disconnected: returns once the client has gone; the work is then dropped likewise.
        """
        self._admit()
        deadline = Deadline(self._limits.seconds)
        future = self._pool.submit(work, deadline)
        future.add_done_callback(self._release)
        answer = asyncio.wrap_future(future)
        ends: list[asyncio.Future[Any]] = [answer]
        if disconnected is not None:
            ends.append(asyncio.ensure_future(disconnected()))
        try:
            await asyncio.wait(ends, timeout=deadline.left, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            deadline.cancel()
            deadline.check()
            raise AssertionError("a cancelled deadline is past")
        finally:
            deadline.cancel()
            # At once: asyncio would hand the cancelling on in its next round, when the work may have begun.
            future.cancel()
            for end in ends:
                end.cancel()

    def _admit(self) -> None:
        with self._lock:
            if self.in_flight >= self._limits.waiting:
                raise RequestError(
                    429,
                    "busy",
                    f"{self.in_flight} requests are being answered and no more are taken; try again in a moment",
                    limit=self._limits.waiting,
                )
            self.in_flight += 1

    def close(self) -> None:
        """Cancels queued work. Running work ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _release(self, _: Future[T]) -> None:
        with self._lock:
            self.in_flight -= 1
