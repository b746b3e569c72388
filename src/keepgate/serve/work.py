"""Computing in a few threads of its own, under a deadline, so that work never piles up behind a slow request."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import torch

from .limits import Limits, Refusal

T = TypeVar("T")


class Deadline:
    """The moment after which nobody waits for an answer any more; `give_up` brings it forward to now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds; 0 once it is past."""
        return max(0.0, self._end - time.monotonic())

    def give_up(self) -> None:
        """Who asked has gone, or has been told that it took too long."""
        self._end = -math.inf

    def between(self, parts: Iterable[T]) -> Iterator[T]:
        """The parts of a work, one after the other while there is time. Raises Refusal once there is none."""
        for part in parts:
            self.check()
            yield part

    def check(self) -> None:
        """Raises Refusal once it is past. What takes long calls this between its parts."""
        if not self.left:
            raise Refusal(
                504,
                "timeout",
                f"this took longer than {self.seconds:g} seconds and was given up; give a shorter text",
                {"seconds": self.seconds},
            )


class Work:
    """A few threads, and how many requests may be computed or wait at once.

    A request counts until its work has really ended: what is past its deadline is dropped if it was not begun, and ends
    at its next check if it was; until then its thread is not given to another.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="keepgate", initializer=_alone)
        self._lock = threading.Lock()
        self.going = 0

    async def do(
        self, work: Callable[[Deadline], T], gone: Callable[[], Awaitable[object]] | None = None
    ) -> T:
        """What `work` returns. Raises what it raises, and Refusal: 429 if too many wait, 504 past the deadline.

        gone: returns once nobody waits for the answer any more; the work is then dropped likewise.
        """
        self._take()
        deadline = Deadline(self._limits.seconds)
        future = self._pool.submit(work, deadline)
        future.add_done_callback(self._ended)
        answer = asyncio.wrap_future(future)
        ends: list[asyncio.Future[Any]] = [answer]
        if gone is not None:
            ends.append(asyncio.ensure_future(gone()))
        try:
            await asyncio.wait(ends, timeout=deadline.left, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            deadline.give_up()
            deadline.check()
            raise AssertionError("a deadline given up is past")
        finally:
            deadline.give_up()
            # At once: asyncio would hand the cancelling on in its next round, when the work may have begun.
            future.cancel()
            for end in ends:
                end.cancel()

    def _take(self) -> None:
        with self._lock:
            if self.going >= self._limits.waiting:
                raise Refusal(
                    429,
                    "busy",
                    f"{self.going} requests are being answered and no more are taken; try again in a moment",
                    {"limit": self._limits.waiting},
                )
            self.going += 1

    def close(self) -> None:
        """Drops what was not begun. What was begun ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: Future[T]) -> None:
        with self._lock:
            self.going -= 1


def _alone() -> None:
    # One text is read step by step: a second thread would only wait for the first, and burn a core doing so.
    torch.set_num_threads(1)
