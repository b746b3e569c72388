"""Random cells with random shapes and options on the core, held against the reference, as many as one likes.

    python -m tests.kernels.fuzz 1000000                 a million; hours. Ctrl-C says how many agreed
    python -m tests.kernels.fuzz 1 --first 1234          one again, by its number

Each number is a cell and a call, the same on every machine. The core keeps every cell that it was given, so that they
are shared out to processes, one after the other or `--workers` at once.
"""

import argparse
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch

from tests.kernels.calls import by_name, check, drawn
from tests.kernels.random_cells import random_cell

IN_A_PROCESS = 2000


def fuzz(number: int) -> None:
    """The call of this number agrees, in float64, where corners are the same for both."""
    cell = random_cell(random.Random(number))
    call = drawn(number, "fuzz", cell=cell, dtype=torch.float64, steps=3)
    assert by_name("cpu").refusal_reason(call) is None
    try:
        check(call)
    except AssertionError as wrong:
        wrong.add_note(f"random_cell(random.Random({number}))")
        raise


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if options.count <= IN_A_PROCESS:
        return run(range(options.first, options.first + options.count))
    end, started, agreed, wrong = options.first + options.count, time.monotonic(), 0, 0
    starts = range(options.first, end, IN_A_PROCESS)
    with ThreadPoolExecutor(options.workers) as pool:
        try:
            for start, failed in zip(starts, pool.map(lambda n: in_a_process(n, end), starts), strict=True):
                wrong += failed
                agreed = min(start + IN_A_PROCESS, end) - options.first - wrong
                print(f"{agreed} agree, {wrong} do not, {time.monotonic() - started:.0f} s", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            print(f"Stopped: {agreed} agreed, {wrong} did not")
    return min(wrong, 1)


def in_a_process(start: int, end: int) -> int:
    """How many of the next numbers before `end` do not agree; whatever ends the process counts as one."""
    count = min(IN_A_PROCESS, end - start)
    command = [sys.executable, "-m", "tests.kernels.fuzz", str(count), "--first", str(start)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{done.stdout}{done.stderr[-4000:]}", flush=True)
    return done.stdout.count("does not agree") or int(done.returncode != 0)


def run(numbers: range) -> int:
    torch.set_num_threads(1)
    wrong = 0
    for number in numbers:
        try:
            fuzz(number)
        except AssertionError as error:
            wrong += 1
            print(f"{number} does not agree: {error}", *error.__notes__, sep="\n  ")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
