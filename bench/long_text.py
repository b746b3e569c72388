"""A text of 10,000 characters, traced in full and examined: seconds and memory, in a process of its own.

    python -m bench.long_text [--characters 10000] [--out bench/results/long-text-MACHINE.json]

For an LSTM and a GRU of `keepgate compare`, with fresh weights: the question is read and every gate kept, then which
tokens carry the answer (512 writes dropped one by one in the true network), the influence of every token, what became
of the ten writes that matter most, and the picture of all that as one HTML file. Wanted: under 20 seconds and 2 GiB on
two cores. Processor seconds stand beside those of the clock, for a machine that has other things to do.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.machine import machine

ROOT = Path(__file__).parent.parent
NETWORKS = ("lstm-chrono", "gru-chrono")
TOP = 10


def measured(name: str, characters: int) -> dict[str, object]:
    """Seconds of each part and the highest memory of this process, in GiB, all that Python and torch need included."""
    started, busy = time.perf_counter(), time.process_time()
    import torch

    from keepgate.demo.contestants import CONTESTANTS
    from keepgate.demo.stories import pirate_king_story
    from keepgate.lens import read
    from keepgate.lens.memory import write_retention
    from keepgate.lens.readers import answer_influence, token_effects

    task = next(one for one in CONTESTANTS if one.name == name).build(0)
    parts, peaks = {"starting": time.perf_counter() - started}, {"starting": peak()}

    def timed(part: str, did):
        start = time.perf_counter()
        result = did()
        parts[part], peaks[part] = time.perf_counter() - start, peak()
        return result

    question = pirate_king_story(characters)
    reading = timed("reading, every gate kept", lambda: read(task, question))
    timed("influence of every token", lambda: answer_influence(reading))
    found = timed("what carries the answer", lambda: token_effects(reading))
    timed(
        "fate of ten writes",
        lambda: [write_retention(reading.trace.layer(-1), one.step) for one in found[:TOP]],
    )
    try:
        from keepgate.lens import explain
    except ImportError:
        drawn = None
    else:
        drawn = len(timed("drawing", lambda: explain(task, question.text, question.question).html()))
    return {
        "network": name, "characters": characters, "tokens": len(reading.tokens), "carriers": len(found),
        "seconds": sum(parts.values()), "cpu_seconds": time.process_time() - busy, "parts": parts,
        "html_bytes": drawn, "threads": torch.get_num_threads(), "gib": peak(), "gib_after": peaks,
    }  # fmt: skip


def peak() -> float:
    """The most memory that this process has held so far, in GiB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--characters", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--network", choices=NETWORKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.network:
        print(json.dumps(measured(given.network, given.characters)))
        return
    rows = []
    for name in NETWORKS:
        command = [
            sys.executable,
            "-m",
            "bench.long_text",
            "--network",
            name,
            "--characters",
            str(given.characters),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        print(json.dumps(rows[-1], indent=1), flush=True)
    if given.out:
        given.out.write_text(
            json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
