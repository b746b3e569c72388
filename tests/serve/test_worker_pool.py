"""Work under a deadline: what nobody waits for is dropped at once, and a place is free when its work has ended."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from keepgate.serve.limits import Limits, RequestError
from keepgate.serve.worker_pool import Deadline, WorkerPool


def alone(played: Coroutine[Any, Any, None]) -> None:
    """Runs it in a thread of its own: the browser that other tests drive keeps a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, played).result()


def test_what_was_not_begun_is_dropped_before_anyone_is_told() -> None:
    go_on, begun, second = threading.Event(), threading.Event(), threading.Event()

    def blocks(_: Deadline) -> int:
        begun.set()
        assert go_on.wait(30)
        return 7

    async def play() -> None:
        work = WorkerPool(Limits(workers=1, seconds=0.2))
        first = asyncio.ensure_future(work.run(blocks))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        with pytest.raises(RequestError) as refusal:
            await work.run(lambda _: second.set())
        assert refusal.value.code == "timeout"
        assert work.in_flight == 1  # only the one that was begun, in this very moment
        with pytest.raises(RequestError):
            await first
        assert work.in_flight == 1  # it was given up, but its thread is not free
        go_on.set()
        while work.in_flight:
            await asyncio.sleep(0.01)
        assert await work.run(lambda _: 8) == 8
        work.close()

    alone(play())
    assert not second.is_set()


def test_what_goes_wrong_inside_is_what_the_caller_sees() -> None:
    def fails(_: Deadline) -> None:
        raise KeyError("inside")

    async def play() -> None:
        work = WorkerPool(Limits())
        with pytest.raises(KeyError, match="inside"):
            await work.run(fails)
        assert work.in_flight == 0
        work.close()

    alone(play())


def test_who_has_gone_is_not_waited_for() -> None:
    go_on, ended = threading.Event(), threading.Event()

    def long(deadline: Deadline) -> None:
        assert go_on.wait(30)
        with pytest.raises(RequestError):
            deadline.check()
        ended.set()

    async def gone() -> None:
        await asyncio.sleep(0.05)

    async def play() -> None:
        work = WorkerPool(Limits(seconds=60))
        with pytest.raises(RequestError):
            await work.run(long, gone)
        go_on.set()
        work.close()

    alone(play())
    assert ended.wait(10)


def test_parts_are_done_while_there_is_time() -> None:
    assert list(Deadline(60).each([1, 2, 3])) == [1, 2, 3]
    deadline = Deadline(60)
    parts = deadline.each([1, 2, 3])
    assert [next(parts), next(parts)] == [1, 2]
    deadline.cancel()
    with pytest.raises(RequestError, match="took longer than 60 seconds"):
        next(parts)
