"""Trains on data larger than memory would hold, and says how much memory that took.

    python -m bench.large_text --data tinyshakespeare/input.txt --gib 5 --steps 100
    python -m bench.large_text --data tinyshakespeare/input.txt --gib 1 --steps 20 --task classifier

A language model's text is the data's again and again, with a number before each copy; a classifier's JSON lines are
pieces of it of 1,000 characters, each with a word that stands nowhere else. What is measured is `keepgate train`, all
of it: looking at the file, counting, writing a text's numbers to a file, and so many steps of the recipe, which read
all over the file. Writes `results/large_text.json`.
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
    parser.add_argument("--task", choices=("language-model", "classifier"), default="language-model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "large.txt")
        writes = write if options.task == "language-model" else write_labelled
        writes(text, options.data.read_text(encoding="utf-8"), int(options.gib * 2**30))
        figures = train(options.task, text, Path(folder, "model"), options.steps)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[options.task] = {"machine": machine(), "gib": options.gib, "steps": options.steps, **figures}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


def write(path: Path, copy: str, size: int) -> None:
    """A text of at least so many bytes."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            file.write(f"{number}\n{copy}")
            number += 1


def write_labelled(path: Path, copy: str, size: int) -> None:
    """JSON lines of at least so many bytes."""
    number = 0
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size:
            begin = 997 * number % (len(copy) - 1000)
            text = f"{copy[begin : begin + 1000]} word{number}"
            file.write(json.dumps({"text": text, "label": "even" if number % 2 == 0 else "odd"}) + "\n")
            number += 1


def train(task: str, text: Path, model: Path, steps: int) -> dict[str, float]:
    """The figures of `keepgate train`, with one thread: seconds, GiB, and the share of a step that waits for data."""
    command = [sys.executable, "-m", "keepgate", "train", task, str(text), "--out", str(model)]
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
