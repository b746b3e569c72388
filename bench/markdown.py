"""Markdown tables, the result files that they come from, and shares as per cent."""

import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def result(name: str) -> dict[str, Any]:
    """What a script wrote into `results/NAME.json`."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: list[float]) -> str:
    """Shares as per cent: their mean, and their range where they differ."""
    low, high, mean = (f"{100 * value:.1f}" for value in (min(values), max(values), statistics.mean(values)))
    return f"{mean} %" if low == high else f"{mean} % ({low}–{high})"
