"""Measures the layers: agreement first, then their times against torch.nn, ONNX Runtime, JAX and a loop in Python.

    python -m bench.cells                                   everything; about half an hour on two cores
    python -m bench.cells --only streaming memory           some parts; the other results stay
    python -m bench.cells --only speed --cells LSTM --shapes 100,1,64,64
    python -m bench.cells --targets                         what was hoped for, what was measured, met or not

Every row is written to bench/results/cells-MACHINE.json as soon as it is measured. All contenders of a row take turns
in one process; a row that does not agree with the reference is not timed, and the exit code says so. A row that fails
leaves the one that was measured before, and the others go on.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import ceilings, figures, parts, targets
from bench.machine import instruction_set, machine, peers, slug
from bench.problem import Shape

RESULTS = Path(__file__).parent / "results"
NAMES = sorted({job["cell"] for part in parts.PARTS.values() for job in part.jobs})


def main() -> None:
    options = arguments()
    path = options.out or RESULTS / f"cells-{file_name()}.json"
    if options.targets:
        if not path.exists():
            sys.exit(f"there is no {path}; measure first: python -m bench.cells")
        print(targets.report(json.loads(path.read_text())))
        return
    result = json.loads(path.read_text()) if path.exists() else {}
    with ceilings.compiled() as by_set:
        if options.only is None or "ceilings" in options.only or "ceilings" not in result:
            result["ceilings"] = {"date": machine()["date"], **ceilings.measured(by_set)}
        result |= {"machine": machine(), "peers": peers(), "instruction_set": instruction_set()}
        burst = by_set.get(instruction_set() or "", next(iter(by_set.values())))
        failed = measure(result, path, options, burst)
    asked = [name for name in parts.PARTS if options.only is None or name in options.only]
    rows = [row for name in asked for row in result.get(name, [])]
    if noisy := sum(figures.noisy(row, figures.ceiling(result)) for row in rows):
        print(
            f"The machine was not quiet in {noisy} of these {len(rows)} rows, which the tables mark with ~."
        )
    print(
        f"Written to {path}. `python -m bench.cells --targets` compares; `python -m bench.table` writes the tables."
    )
    if failed:
        sys.exit("Not timed:\n" + "\n".join(failed))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=["ceilings", *parts.PARTS], help="the parts to measure")
    parser.add_argument("--cells", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--shapes", nargs="+", type=Shape.of, help="steps,rows,input,hidden")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="for each row; at least five rounds in any case"
    )
    parser.add_argument(
        "--targets", action="store_true", help="compare what was measured with what was hoped for"
    )
    parser.add_argument("--out", type=Path, help="another file than the machine's own")
    return parser.parse_args()


def file_name() -> str:
    """This machine; with a lower instruction set than its best, that one too."""
    chosen = instruction_set()
    return slug() if chosen in (None, ceilings.sets()[0]) else f"{slug()}-{chosen}"


def measure(
    result: dict[str, Any], path: Path, options: argparse.Namespace, burst: ceilings.Ceilings
) -> list[str]:
    """Measures what is asked for into `result` and the file; gives the rows that were not timed, with the reason."""
    jobs = [
        (name, part, job)
        for name, part in parts.PARTS.items()
        if options.only is None or name in options.only
        for job in part.jobs
        if job["cell"] in options.cells and (not options.shapes or job.get("shape") in map(str, options.shapes))
    ]  # fmt: skip
    failed = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(jobs))
        for name, part, job in jobs:
            progress.update(bar, description=f"{name}: {figures.title(job)}")
            try:
                row = part.measure(job, parts.Context(seconds=options.seconds, burst=burst))
            except Exception as error:  # an engine raises anything, and the other rows are worth having
                failed.append(f"{name}, {figures.title(job)}: {type(error).__name__}: {error}")
                progress.advance(bar)
                continue
            row |= {"date": machine()["date"], "load": machine()["load"][0]}
            if row.get("disagrees"):
                failed += [f"{name}, {figures.title(job)}: {why}" for why in row["disagrees"]]
            replace_row(result.setdefault(name, []), job, row, part.jobs)
            save(result, path)
            progress.advance(bar)
    return failed


def replace_row(
    rows: list[dict[str, Any]], job: dict[str, Any], row: dict[str, Any], order: tuple[dict[str, Any], ...]
) -> None:
    """Puts the row where that job's stands, or where it would; rows of jobs that are no more are dropped."""
    by_job = {_key(each, order): each for each in rows}
    by_job[_key(job, order)] = job | row
    rows[:] = [by_job[_key(each, order)] for each in order if _key(each, order) in by_job]


def _key(row: dict[str, Any], order: tuple[dict[str, Any], ...]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in order[0])


def save(result: dict[str, Any], path: Path) -> None:
    """Written whole or not at all, so that an interrupted run leaves what it had."""
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(beside, path)


if __name__ == "__main__":
    main()
