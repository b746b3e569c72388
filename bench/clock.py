"""Times several contenders in turns, in one process, so that whatever disturbs the machine disturbs all of them."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Something to time.

    call:    what is timed.   before: what is done before each call, and is not timed.
    threads: what torch is told to use while this one has its turn.
    rare:    takes part in every third round only.
    """

    call: Callable[[], object]
    threads: int
    before: Callable[[], object] | None = None
    rare: bool = False


@dataclass(frozen=True, kw_only=True)
class Timing:
    """median: of the rounds, in seconds. spread: half the middle half of the rounds, relative to the median."""

    median: float
    spread: float
    rounds: int

    @staticmethod
    def of(seconds: list[float]) -> "Timing":
        """Raises ValueError if there are none."""
        if not seconds:
            raise ValueError("a timing needs at least one round, got none")
        median = statistics.median(seconds)
        low, high = quantile(seconds, 0.25), quantile(seconds, 0.75)
        return Timing(median=median, spread=(high - low) / 2 / median, rounds=len(seconds))

    def json(self) -> dict[str, Any]:
        return {"median": float(f"{self.median:.4g}"), "spread": round(self.spread, 3), "rounds": self.rounds}


def interleave(
    contenders: Mapping[str, Contender], *, seconds: float, least: int = 5, most: int = 25
) -> dict[str, Timing]:
    """Each contender's timing over rounds in which every one has a turn; about `seconds` long in all.

    There are between `least` and `most` rounds, whatever the seconds.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    with _no_collection():
        for contender in contenders.values():
            _settle(contender)
            _timed(contender)
        started = time.perf_counter()
        for number in range(most):
            if number >= least and time.perf_counter() - started > seconds:
                break
            for name, contender in contenders.items():
                if not contender.rare or number % 3 == 0:
                    slow = bool(found[name]) and found[name][-1] > 0.05
                    found[name].append(turn(contender, slow=slow))
    return {name: Timing.of(times) for name, times in found.items()}


def turn(contender: Contender, *, slow: bool) -> float:
    """The median time of one contender's calls in its turn, in seconds.

    The first call is not counted, since it wakes the contender's threads, unless calls are too slow for that to show.
    """
    _settle(contender)
    if not slow:
        _timed(contender)
    times = [_timed(contender)]
    while sum(times) < 0.006 and len(times) < 50:
        times.append(_timed(contender))
    return statistics.median(times)


def _settle(contender: Contender) -> None:
    wait_until_quiet()
    if torch.get_num_threads() != contender.threads:
        torch.set_num_threads(contender.threads)


def _timed(contender: Contender) -> float:
    if contender.before is not None:
        contender.before()
    started = time.perf_counter()
    contender.call()
    return time.perf_counter() - started


def wait_until_quiet(patience: float = 0.25) -> None:
    """Returns when no thread of this process computes any more, or after `patience` seconds.

    Pools that wait by spinning would steal the next contender's core.
    """
    ends = time.perf_counter() + patience
    while time.perf_counter() < ends:
        wall, busy = time.perf_counter(), time.process_time()
        time.sleep(0.001)
        if time.process_time() - busy < 0.25 * (time.perf_counter() - wall):
            return


def quantile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies, between neighbours where need be."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python's collector strikes at random; timeit switches it off too."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
