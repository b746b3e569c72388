"""Figures from what was measured: times, ratios, shares of the ceiling. Pure: rows of a result in, numbers out."""

from typing import Any

from bench.machine import THREADS
from bench.problem import Shape, operations

Row = dict[str, Any]
OURS = f"keepgate@{max(THREADS)}"
# The machine computed at less than this share of its ceiling between the contenders' turns, or ours and torch's times
# lay further apart than that.
QUIET, STEADY = 0.85, 0.15


def speed_row(result: Row, cell: str, shape: Shape, mode: str) -> Row | None:
    return find(result.get("speed", []), cell=cell, shape=str(shape), mode=mode)


def median(row: Row | None, name: str) -> float | None:
    """Seconds of that contender, or None."""
    return None if row is None or name not in row["times"] else row["times"][name]["median"]


def fastest(row: Row | None, prefix: str) -> float | None:
    """Seconds of the fastest contender whose name begins so."""
    found = [
        each["median"] for name, each in (row or {"times": {}})["times"].items() if name.startswith(prefix)
    ]
    return min(found, default=None)


def ratio(row: Row | None) -> float | None:
    """torch.nn's faster time, of one thread or all, over ours with all."""
    return over(fastest(row, "torch.nn@"), median(row, OURS))


def share(result: Row, row: Row | None) -> float | None:
    """Of what the processor could multiply and add in that time: matrix products only, on the machine's best set."""
    ours = median(row, OURS)
    if row is None or ours is None:
        return None
    return operations(row["cell"], Shape.of(row["shape"]), row["mode"]) / ours / ceiling(result)


def ceiling(result: Row) -> float:
    """fp32 operations a second of all threads, with the instruction set that the core used, or the best.

    The best that was seen anywhere in the measurement: what it was at the start, or between any row's turns.
    """
    by_set = result["ceilings"]["multiply_add"]
    best = next(iter(by_set.values()))
    at_the_start = by_set.get(result.get("instruction_set"), best)[str(max(THREADS))]
    rows = [row for part in ("speed", "ragged", "scaling") for row in result.get(part, [])]
    return max([at_the_start, *[row["burst_best"] for row in rows if "burst_best" in row]])


def gru_over_lstm(result: Row, shape: Shape, mode: str) -> float | None:
    gru, lstm = (median(speed_row(result, cell, shape, mode), OURS) for cell in ("GRU", "LSTM"))
    return over(gru, lstm)


def ragged_over_full(row: Row | None) -> float | None:
    return over(fastest(row, "keepgate ragged@"), fastest(row, "keepgate@"))


def growth(row: Row | None, name: str) -> float | None:
    """Time a step of the longest over that of the shortest: 1 is linear, 4 is quadratic over a factor of four."""
    if row is None:
        return None
    first, last = row["steps"][0], row["steps"][-1]
    grown = over(fastest(row, f"{name} {last}@"), fastest(row, f"{name} {first}@"))
    return None if grown is None else grown * first / last


def loop_over_copy(row: Row | None) -> float | None:
    """The loop in torch over a user's copy of the cell."""
    return over(fastest(row, "loop@"), median(row, f"keepgate user@{max(THREADS)}"))


def reference_over_cell(row: Row | None) -> float | None:
    """The reference over the cell of the literature as a user declares it."""
    return over(fastest(row, "reference@"), median(row, OURS))


def narrow_gain(row: Row | None, weights: str, kind: str = "") -> float | None:
    """Frozen float32 weights' time over that of weights in this format. kind: "stepper " of a stepper."""
    return over(fastest(row, f"keepgate {kind}frozen@"), fastest(row, f"keepgate {kind}{weights}@"))


def over_engines(row: Row) -> float | None:
    """The fastest of everybody else over ours."""
    others = [each["median"] for name, each in row["times"].items() if not name.startswith("keepgate")]
    return over(min(others, default=None), fastest(row, "keepgate@"))


def threads_over_one(row: Row, kind: str = "median") -> float | None:
    """All threads' time over one's: the median, or of the worst turn."""
    most, one = (row["times"].get(f"keepgate@{threads}", {}).get(kind) for threads in (max(THREADS), 1))
    return over(most, one)


def trace(row: Row | None) -> float | None:
    return over(fastest(row, "keepgate trace@"), median(row, OURS))


def memory(row: Row | None) -> float | None:
    """Our peak over torch's."""
    return None if row is None else over(row["bytes"]["keepgate"], row["bytes"]["torch.nn"])


def spread(row: Row) -> float:
    """The widest spread of ours and torch.nn's times."""
    names = ("keepgate", "torch.nn")
    return max(
        (each.get("spread", 0) for name, each in row["times"].items() if name.startswith(names)), default=0
    )


def noisy(row: Row, rate: float | None = None) -> bool:
    """Whether something else computed while the row was measured."""
    slowed = rate is not None and row.get("burst") is not None and row["burst"] < QUIET * rate
    return slowed or spread(row | {"times": row.get("times", {})}) > STEADY


def title(row: Row) -> str:
    """What a row or job is about: "LSTM 100,1,64,64, training"."""
    size = row.get("shape") or (f"H = {row['hidden']}" if "hidden" in row else "")
    beside = f"beside {row['neighbours']}" if "neighbours" in row else ""
    return ", ".join(filter(None, (f"{row['cell']} {size}".strip(), row.get("mode"), beside)))


def head(result: Row, row: Row) -> str:
    """Cell and shape at the head of a table's row, after "~" where the machine was not quiet."""
    return f"{'~' if noisy(row, ceiling(result)) else ''}{row['cell']} {row['shape']}"


def find(rows: list[Row], **wanted: Any) -> Row | None:
    return next((row for row in rows if all(row.get(name) == value for name, value in wanted.items())), None)


def over(above: float | None, below: float | None) -> float | None:
    return None if above is None or below is None else above / below
