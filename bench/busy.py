"""A layer beside busy processes: more threads must not be slower than one. Loops, and a layer in another process."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from bench.clock import quantile
from bench.contenders import keepgate_layer
from bench.machine import THREADS
from bench.problem import Mode, Problem

LOOP = "print(flush=True)\nwhile True: pass"
LAYER = """import torch, keepgate
layer, x = keepgate.LSTM(64, 64), torch.randn(1000, 16, 64)
print(flush=True)
with torch.no_grad():
    while True: layer(x)"""
NEIGHBOURS = {"nobody": (), "a loop": (LOOP,), "two loops": (LOOP, LOOP), "a layer": (LAYER,)}
ROUNDS, TURN = 25, 0.2  # turns of each number of threads; seconds of a turn


def row(problem: Problem, mode: Mode, neighbours: str) -> dict[str, Any]:
    """Seconds of a call with each number of threads, in turns: the median and the worst of the turns' means."""
    runner = keepgate_layer(problem, mode)
    before = runner.before or (lambda: None)
    times: dict[int, list[float]] = {threads: [] for threads in THREADS}
    with _running(NEIGHBOURS[neighbours]):
        for _ in range(ROUNDS):
            for threads, means in times.items():
                torch.set_num_threads(threads)
                means.append(_mean(runner.call, before))
    return {
        "disagrees": [],
        "times": {
            f"keepgate@{threads}": {
                "median": float(f"{quantile(means, 0.5):.4g}"), "worst": float(f"{max(means):.4g}"), "rounds": ROUNDS,
            }
            for threads, means in times.items()
        },
    }  # fmt: skip


def _mean(call: Callable[[], object], before: Callable[[], object]) -> float:
    """The mean of as many calls as fill a turn: a stall that befalls one of many counts."""
    total, calls = 0.0, 0
    while total < TURN:
        before()
        started = time.perf_counter()
        call()
        total, calls = total + time.perf_counter() - started, calls + 1
    return total / calls


@contextmanager
def _running(programs: tuple[str, ...]) -> Iterator[None]:
    """Python programs beside this one, each of which prints a line when it begins its work."""
    processes = []
    try:
        for program in programs:
            process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
            processes.append(process)
            assert process.stdout is not None
            process.stdout.readline()
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()
