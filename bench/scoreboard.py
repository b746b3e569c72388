"""The scoreboard: what each task is asked for, what was measured, and what is published, from the result files."""

import statistics
from collections.abc import Sequence

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

MODULES = (
    babi, cmrc2018, tagging, hotel_reviews, cpp_polyphones, language_model, ptb, ett, jsb_chorales, sequential_mnist,
)  # fmt: skip
ROWS: dict[str, Row] = {row.name: row for module in MODULES for row in module.ROWS}
HEAD = (
    "data", "metric", "at least", "aim", "keepgate (range; seeds)", "parameters", "processor minutes", "peak, MiB",
    "published", "`python -m bench.tasks …`",
)  # fmt: skip


def scoreboard(_: int) -> str:
    """The table, a row for each data set."""
    return table([*HEAD], [cells(row) for row in ROWS.values()])


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
        _mean([figures["peak_mib"] for figures in seeds if "peak_mib" in figures], digits=0),
        row.published,
        f"`{row.name}`",
    ]


def _wanted(target: Target, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{'≤' if target.falls else '≥'} {value:g}"


def _measured(target: Target, seeds: Sequence[Figures]) -> str:
    """The mean of the seeds with their range, and how many they are."""
    values = [target.shown(figures["test"][target.metric]) for figures in seeds]
    mean, low, high = (
        f"{value:.{target.digits}f}" for value in (statistics.mean(values), min(values), max(values))
    )
    return f"{mean} ({low}–{high}; {len(values)})" if len(values) > 1 else f"{mean} (1)"


def _mean(values: Sequence[float], digits: int = 1) -> str:
    return f"{statistics.mean(values):,.{digits}f}" if values else "–"
