"""Runs a function in a forked child, for no longer than a limit, and hands back what it returned."""

import os
import pickle
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any


def in_child(function: Callable[[], Any], limit: float = 5.0) -> Any:
    """What `function` returns in a child. Raises AssertionError if it raises, dies, or takes over `limit` seconds."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # Later Pythons warn of what is tested here: a fork while there are threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _answer(function, write)
    os.close(write)
    try:
        answer = _read(read, time.monotonic() + limit)
    finally:
        os.close(read)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    assert answer is not None, f"the child did not answer within {limit} seconds"
    assert answer, f"the child died with status {status}"
    worked, value = pickle.loads(answer)
    assert worked, f"the child raised:\n{value}"
    return value


def _answer(function: Callable[[], Any], write: int) -> None:
    try:
        answer = pickle.dumps((True, function()))
    except BaseException:
        answer = pickle.dumps((False, traceback.format_exc()))
    with os.fdopen(write, "wb") as pipe:
        pipe.write(answer)
    os._exit(0)


def _read(read: int, until: float) -> bytes | None:
    """All that comes before the pipe is closed; None if that is not in time."""
    parts = []
    while True:
        ready, _, _ = select.select([read], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        part = os.read(read, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
