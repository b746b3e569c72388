"""How training speed grows with processes: measured with one and two, and what to expect of 8 and 64.

    python -m bench.processes --data tinyshakespeare/input.txt

A language model of Tiny Shakespeare (the recipe's: 320 units, 32 lanes of 96 characters) is trained for some steps, on
one thread in each process, in two ways: the same batch shared out, and a batch of the recipe's size in each process.
Then gradients of many sizes are summed over loopback, from which a start-up time and a bandwidth are fitted. In a ring
of p processes, as gloo sums, a sum takes 2 (p - 1) start-ups and moves 2 (p - 1) / p of the bytes over each link
(Thakur et al. 2005, doi:10.1177/1094342005051521). With each process on a core of its own a step takes what it
computes, its processor time, and that: so speeds can be told on a machine that others use too. Writes
`results/processes.json`, which `--table` prints.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from bench.clock import quantile
from bench.machine import machine
from keepgate.data.corpora.plain_text import read_plain
from keepgate.tasks.language_model import LanguageModel, LanguageModelSettings
from keepgate.train import Progress, fit
from keepgate.train.processes import joined
from keepgate.train.recipes import recipe
from tests.train.ranks import run_ranks

RESULTS = Path(__file__).parent / "results" / "processes.json"
SIZES = (1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000)
EXPECTED = (2, 4, 8, 16, 64)
# Meetings of a step: before the gradients are summed, and whether to stop.
MEETINGS = 2
# Seconds; other programs may have the machine.
LIMIT = 3600
CHILD = "import sys; from bench import processes; processes.child(sys.argv[1:])"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--table", action="store_true", help="print the table of the stored results")
    options = parser.parse_args()
    if not options.table:
        RESULTS.write_text(json.dumps(measured(options.data.resolve(), options.steps), indent=1) + "\n")
    print(table(json.loads(RESULTS.read_text())))


def measured(data: Path, steps: int) -> dict[str, Any]:
    """The figures, each from processes of its own."""
    trainings = {
        name: figures_of(count, "train", data, steps, lanes)
        for name, count, lanes in (("1", 1, 32), ("2, the batch shared", 2, 32), ("2, a batch each", 2, 64))
    }
    sums = figures_of(2, "sum")["seconds"]
    startup, per_byte = fitted(sums)
    return {
        "machine": machine(), "trainings": trainings, "sums": sums,
        "startup_seconds": startup, "bytes_per_second": 1 / per_byte,
    }  # fmt: skip


def figures_of(count: int, *arguments: object) -> dict[str, Any]:
    """What the first of so many processes prints."""
    processes = run_ranks(count, CHILD, *arguments, limit=LIMIT)
    if processes[0].code:
        sys.exit(processes[0].err)
    figures: dict[str, Any] = json.loads(processes[0].out)
    return figures


def child(arguments: Sequence[str]) -> None:
    figures = sums() if arguments[0] == "sum" else training(Path(arguments[1]), *map(int, arguments[2:]))
    if os.environ["RANK"] == "0":
        print(json.dumps(figures))


def training(data: Path, steps: int, lanes: int) -> dict[str, Any]:
    """Seconds of a step and of its processor time; the fastest quarter's, as others may use the machine."""
    items = read_plain(data).items
    task = LanguageModel.build(items, LanguageModelSettings(), seed=0)
    stream = task.stream(items)
    ends: list[tuple[float, float]] = []

    def on_step(_: Progress) -> None:
        ends.append((time.perf_counter(), time.process_time()))

    config = replace(recipe("language-model", len(stream)), steps=steps, batch_size=lanes, threads=1)
    fit(task, config, stream=stream, progress=False, on_step=on_step)
    wall, cpu = (np.diff([end[k] for end in ends]).tolist() for k in (0, 1))
    return {
        "lanes": lanes,
        "weights": sum(weight.numel() for weight in task.parameters()),
        "step_seconds": quantile(wall, 0.25),
        "step_cpu_seconds": statistics.median(cpu),
        "characters_per_second": lanes * config.bptt_steps / quantile(wall, 0.25),
    }


def sums() -> dict[str, Any]:
    """Seconds in which tensors of each size are summed over all processes."""
    with joined():
        seconds = {size: [_summed(size) for _ in range(30)] for size in SIZES}
    return {"seconds": {size: min(times) for size, times in seconds.items()}}


def _summed(size: int) -> float:
    tensor = torch.zeros(size)
    dist.barrier()
    began = time.perf_counter()
    dist.all_reduce(tensor)
    return time.perf_counter() - began


def fitted(seconds: Mapping[str, float]) -> tuple[float, float]:
    """Start-up and time of a byte, in seconds: a sum of two processes takes two start-ups and moves each byte once.

    By least squares of relative errors, so that the small sizes count.
    """
    sizes = np.array([4 * int(size) for size in seconds])
    times = np.array(list(seconds.values()))
    design = np.stack([2 * np.ones_like(times), sizes], 1) / times[:, None]
    startup, per_byte = np.linalg.lstsq(design, np.ones_like(times), rcond=None)[0]
    return max(float(startup), 1e-6), max(float(per_byte), 1e-12)


def exchange(results: Mapping[str, Any], count: int) -> float:
    """Seconds of a step in which so many processes wait for each other."""
    startups = 2 * (count - 1) * results["startup_seconds"]
    size = 4 * results["trainings"]["1"]["weights"]
    return (1 + MEETINGS) * startups + 2 * (count - 1) / count * size / results["bytes_per_second"]


def expected_speed(results: Mapping[str, Any], count: int) -> float:
    """How many times as fast as one so many processes are, each on a free core with a batch of the recipe's size."""
    alone = results["trainings"]["1"]["step_cpu_seconds"]
    return float(count * alone / (alone + exchange(results, count)))


def table(results: Mapping[str, Any]) -> str:
    """Markdown: what was measured, and what is expected of more processes with a batch of the recipe's size each."""
    trainings = results["trainings"]
    alone = trainings["1"]
    rows = [
        "| processes | a step, ms | processor time of a step, ms | speed | speed, each on a free core |",
        "|---|---|---|---|---|",
    ]
    for name, figures in trainings.items():
        free = figures["step_cpu_seconds"] + (exchange(results, 2) if name != "1" else 0)
        speed = figures["characters_per_second"] / alone["characters_per_second"]
        expected = figures["lanes"] / alone["lanes"] * alone["step_cpu_seconds"] / free
        rows.append(
            f"| {name} | {1e3 * figures['step_seconds']:.0f} | {1e3 * figures['step_cpu_seconds']:.0f} | {speed:.2f} "
            f"| {expected:.2f} |"
        )
    rows += ["", "| processes, a batch each | exchange, ms a step | expected speed |", "|---|---|---|"]
    for count in EXPECTED:
        rows.append(
            f"| {count} | {1e3 * exchange(results, count):.1f} | {expected_speed(results, count):.1f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
