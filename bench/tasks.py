"""Trains and measures the rows of the scoreboard, each seed in a process of its own.

    python -m bench.tasks                       what there is, and what was measured
    python -m bench.tasks hotel_reviews [--data ../shared/data] [--seeds 0 1 2] [--models models] [--dev-only]

The figures go to `bench/results/NAME.json`, beside those of other seeds of the same recipe, and `python -m bench.table`
prints them. Recipes are tuned on the dev part: with --dev-only the test part is not read and nothing is recorded.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from bench import scoreboard


def main() -> None:
    options = _options()
    if not options.rows:
        print(scoreboard.scoreboard(0))
        return
    runs = [(name, seed) for name in options.rows for seed in options.seeds]
    if len(runs) == 1:
        one(*runs[0], options)
        return
    for name, seed in runs:
        # A process of its own, so that its peak of memory is that of this seed.
        again = [sys.executable, "-m", "bench.tasks", name, "--seeds", str(seed), "--data", str(options.data)]
        again += ["--models", str(options.models)] if options.models else []
        subprocess.run([*again, *(["--dev-only"] if options.dev_only else [])], check=True)


def one(name: str, seed: int, options: argparse.Namespace) -> None:
    """Trains one seed of a row and records its figures."""
    row = scoreboard.ROWS[name]
    folder = options.data / row.folder
    if not folder.is_dir():
        sys.exit(f"{folder} is not there; give the folder of the public data sets as --data")
    model = options.models / name / f"seed-{seed}" if options.models else None
    figures = row.train(folder, seed, not options.dev_only, model)
    print(name, "seed", seed, json.dumps(figures, ensure_ascii=False), flush=True)
    if not options.dev_only:
        row.record(seed, figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", choices=[[], *scoreboard.ROWS], metavar="ROW")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data sets")
    parser.add_argument("--models", type=Path, help="folder for the models; none are kept if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--dev-only", action="store_true", help="do not read the test part; record nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
