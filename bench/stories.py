"""Measures who remembers: `keepgate compare` over five seeds, and what it takes to read 10,000 characters.

    python -m bench.stories [--seeds 5]

Writes results/stories.json, which is what `keepgate compare --json` writes, and results/far.json.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import torch

from bench.machine import machine
from keepgate.demo.contestants import CONTESTANTS
from keepgate.demo.result import to_json
from keepgate.demo.run import run
from keepgate.demo.stories import pirate_king_story

RESULTS = Path(__file__).parent / "results"
FAR = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    RESULTS.mkdir(exist_ok=True)
    # First, while the process is small: the memory is the highest it has been so far.
    (RESULTS / "far.json").write_text(json.dumps(far(), indent=1) + "\n")
    result = run(tuple(range(seeds)), command=f"keepgate compare --seeds {seeds}")
    (RESULTS / "stories.json").write_text(to_json(result) + "\n")
    for network in result.networks:
        print(network.name, [dict(one.accuracy) for one in network.runs])


def far() -> dict[str, object]:
    """Seconds and MiB that each network takes to answer about a story of 10,000 characters, on one thread."""
    torch.set_num_threads(1)
    rows = []
    for contestant in CONTESTANTS:
        task = contestant.build(0)
        task.predict([pirate_king_story(1000)])
        before, start = peak(), time.perf_counter()
        task.predict([pirate_king_story(FAR)])
        rows.append(
            {"network": contestant.name, "seconds": time.perf_counter() - start, "more_mib": peak() - before}
        )
    return {"machine": machine(), "characters": FAR, "peak_mib": peak(), "rows": rows}


def peak() -> float:
    """The most memory that this process has held, in MiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
