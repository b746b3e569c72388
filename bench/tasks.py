"""Trains and measures the rows of the scoreboard, each seed in a process of its own.

    python -m bench.tasks                       what there is, and what was measured
    python -m bench.tasks hotel_reviews [--data FOLDER] [--seeds 0 1 2] [--jobs 2] [--models models] [--dev-only]
    python -m bench.tasks all

The figures go to `bench/results/NAME.json`, beside those of other seeds of the same recipe, and `python -m bench.table`
prints them. Recipes are tuned on the dev part: with --dev-only the test part is not read and nothing is recorded.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from bench import scoreboard
from bench.row import Figures, of_process


def main() -> None:
    options = options_of(sys.argv[1:])
    if not options.rows:
        print(scoreboard.scoreboard(0))
        return
    runs = [(name, seed) for name in options.rows for seed in options.seeds]
    if options.figures is not None:
        ((name, seed),) = runs
        options.figures.write_text(json.dumps(one(name, seed, options)))
        return
    missing = dict.fromkeys(
        sentence for name in options.rows for sentence in scoreboard.missing(name, options.data)
    )
    if missing:
        sys.exit("\n".join([*missing, "give the folder of the public data sets as --data"]))
    if not options.dev_only and not options.anew:
        others = {name: scoreboard.ROWS[name].other_recipe() for name in options.rows}
        if changed := [f"{name}: {how}" for name, how in others.items() if how]:
            sys.exit(
                "\n".join(
                    ["the recorded seeds have another recipe:", *changed, "--anew records without them"]
                )
            )
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        jobs = {pool.submit(_in_a_process, *run, options, Path(folder)): run for run in runs}
        failed = []
        for job in as_completed(jobs):
            name, seed = jobs[job]
            if job.exception() is not None:
                failed.append(f"{name} seed {seed}: {job.exception()}")
            elif not options.dev_only:
                scoreboard.ROWS[name].record(seed, job.result())
    if failed:  # the others are recorded
        sys.exit("\n".join(failed))


def _in_a_process(name: str, seed: int, options: argparse.Namespace, folder: Path) -> Figures:
    """One seed's figures, from a process of its own, so that its peak of memory is that of this seed."""
    file = folder / f"{name}-{seed}.json"
    again = [sys.executable, "-m", "bench.tasks", name, "--seeds", str(seed), "--data", str(options.data)]
    again += ["--models", str(options.models)] if options.models else []
    again += ["--dev-only"] if options.dev_only else []
    subprocess.run([*again, "--figures", str(file)], check=True)
    figures: Figures = json.loads(file.read_text())
    return figures


def one(name: str, seed: int, options: argparse.Namespace) -> Figures:
    """Trains one seed of a row; its figures."""
    row = scoreboard.ROWS[name]
    model = options.models / name / f"seed-{seed}" if options.models else None
    figures = row.train(options.data / row.folder, seed, not options.dev_only, model)
    print(name, "seed", seed, json.dumps(figures, ensure_ascii=False), flush=True)
    return of_process(figures)


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """The options in the words of a command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", choices=[[], "all", *scoreboard.ROWS], metavar="ROW")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data sets")
    parser.add_argument("--models", type=Path, help="folder for the models; none are kept if left out")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side, each on one thread")
    parser.add_argument("--dev-only", action="store_true", help="do not read the test part; record nothing")
    parser.add_argument("--anew", action="store_true", help="drop recorded seeds of another recipe")
    parser.add_argument(
        "--figures", type=Path, help="write the figures of one seed there, and record nothing"
    )
    options = parser.parse_args(words)
    options.rows = [*scoreboard.ROWS] if "all" in options.rows else options.rows
    return options


if __name__ == "__main__":
    main()
