"""The scoreboard: what each task is asked for, what was measured, and what is published, from the result files."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import (
    babi,
    cmrc2018,
    cpp_polyphones,
    ett,
    hotel_reviews,
    jsb_chorales,
    language_model,
    ptb,
    sequential_mnist,
    tagging,
)
from bench.markdown import table
from bench.row import Figures, Row, Target
from bench.sources import SOURCES

MODULES = (
    babi, cmrc2018, tagging, hotel_reviews, cpp_polyphones, language_model, ptb, ett, jsb_chorales, sequential_mnist,
)  # fmt: skip
ROWS: dict[str, Row] = {row.name: row for module in MODULES for row in module.ROWS}
HEAD = (
    "data", "metric", "at least", "aim", "keepgate ± sd (range; seeds)", "parameters", "processor minutes",
    "minutes", "peak, MiB",
    "published", "`python -m bench.tasks …`",
)  # fmt: skip


def scoreboard(_: int) -> str:
    """The table, a row for each data set, and what the trainings waited for."""
    return table([*HEAD], [cells(row) for row in ROWS.values()]) + waiting(ROWS.values())


def waiting(rows: Iterable[Row]) -> str:
    """A sentence on how long the trainings that told it waited for their data; "" where none did."""
    shares = {
        row.name: [each["waiting"] for each in row.seeds().values() if "waiting" in each] for row in rows
    }
    means = {name: statistics.mean(values) for name, values in shares.items() if values}
    if not means:
        return ""
    parts = ", ".join(f"{name} {mean:.1%}" for name, mean in means.items())
    return f"\n\nOf their time trainings waited for data: {parts}."


def sources(_: int) -> str:
    """The table of the data: folder, files, where they are had, and the rows that read them."""
    rows = [
        [
            f"`{folder}`",
            ", ".join(f"`{name}`" for name in source.files),
            source.origin,
            ", ".join(f"`{row.name}`" for row in ROWS.values() if row.folder == folder),
        ]
        for folder, source in SOURCES.items()
    ]
    return table(["folder", "files", "from", "rows"], rows)


def missing(name: str, data: Path) -> list[str]:
    """A sentence for each file of a row that is not in the folder of public data."""
    folder = ROWS[name].folder
    source = SOURCES.get(folder)
    return [
        f"{data / folder / file} is not there; it is had from {source.origin}"
        for file in (source.files if source is not None else ())
        if not any((data / folder).glob(file))
    ]


def cells(row: Row) -> list[str]:
    """A row's cells. A data set with two metrics has both in each cell, with a slash between."""
    seeds = list(row.seeds().values())
    return [
        row.data,
        " / ".join(target.title for target in row.targets),
        " / ".join(_wanted(target, target.at_least) for target in row.targets),
        " / ".join(_wanted(target, target.aim) for target in row.targets),
        " / ".join(_measured(target, seeds) for target in row.targets) if seeds else "not measured",
        f"{max(figures['parameters'] for figures in seeds):,}" if seeds else "",
        _mean([figures["cpu_minutes"] for figures in seeds]),
        _mean([figures["minutes"] for figures in seeds if "minutes" in figures]),
        _mean([figures["peak_mib"] for figures in seeds if "peak_mib" in figures], digits=0),
        row.published,
        f"`{row.name}`",
    ]


def _wanted(target: Target, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{'≤' if target.falls else '≥'} {value:g}"


def _measured(target: Target, seeds: Sequence[Figures]) -> str:
    """The mean of the seeds with their standard deviation and range, and how many they are."""
    values = [target.shown(figures["test"][target.metric]) for figures in seeds]
    if len(values) == 1:
        return f"{values[0]:.{target.digits}f} (1)"
    mean, deviation, low, high = (
        f"{value:.{target.digits}f}"
        for value in (statistics.mean(values), statistics.stdev(values), min(values), max(values))
    )
    return f"{mean} ± {deviation} ({low}–{high}; {len(values)})"


def _mean(values: Sequence[float], digits: int = 1) -> str:
    return f"{statistics.mean(values):,.{digits}f}" if values else "–"
