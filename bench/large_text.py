"""Trains a language model on a text larger than memory would hold, and says how much memory that took.

    python -m bench.large_text --data tinyshakespeare/input.txt --gib 5 --steps 100

The text is the data's again and again, with a number before each copy. What is measured is `keepgate train`, all of
it: looking at the text, counting its characters, writing their numbers to a file, and so many steps with the recipe's
lanes, which read all over that file. Writes `results/large_text.json`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import machine

RESULTS = Path(__file__).parent / "results" / "large_text.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--gib", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "large.txt")
        write(text, options.data.read_text(encoding="utf-8"), int(options.gib * 2**30))
        figures = train(text, Path(folder, "model"), options.steps)
    results = {"machine": machine(), "gib": options.gib, "steps": options.steps, **figures}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def write(path: Path, copy: str, size: int) -> None:
    """A text of at least so many bytes."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            file.write(f"{number}\n{copy}")
            number += 1


def train(text: Path, model: Path, steps: int) -> dict[str, float]:
    """The figures of `keepgate train`, with one thread: seconds, GiB, and the share of a step that waits for data."""
    command = [sys.executable, "-m", "keepgate", "train", "language-model", str(text), "--out", str(model)]
    began = time.perf_counter()
    subprocess.run([*command, "--steps", str(steps), "--threads", "1"], check=True, env=os.environ)
    took = time.perf_counter() - began
    log = model.with_name(f"{model.name}.training") / "metrics.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    trained = records[-1]["seconds"]
    return {
        "peak_resident_gib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20, 3),
        "seconds": round(took, 1),
        "seconds_of_training": trained,
        "waiting_for_data": round(sum(record["data_seconds"] for record in records) / trained, 5),
    }


if __name__ == "__main__":
    main()
