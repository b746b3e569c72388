"""What the layers were meant to reach, held against what was measured. Pure: a result in, figures out."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

from bench.figures import (
    Row,
    fastest,
    find,
    growth,
    gru_over_lstm,
    median,
    memory,
    narrow_gain,
    over,
    over_engines,
    ragged_over_full,
    ratio,
    reference_over_cell,
    share,
    speed_row,
    threads_over_one,
    title,
    trace,
)
from bench.machine import THREADS
from bench.problem import (
    CELLS,
    LITERATURE,
    MEMORY_SHAPES,
    MODES,
    RAGGED_SHAPES,
    SCALING_SHAPES,
    SHAPES,
    STREAM_SIZES,
    Mode,
    Shape,
)

# How many times faster than torch.nn's faster time: inference, training step.
LSTM = {
    "100,1,64,64": (4.0, 2.5), "100,1,128,128": (2.0, 1.9), "100,1,256,256": (1.4, 1.5),
    "1000,1,128,128": (1.6, 1.9),
    "100,8,128,128": (1.4, 1.35), "100,32,64,64": (1.4, 1.45),
    "100,32,128,128": (1.12, 1.2), "100,32,256,256": (1.07, 1.25), "400,32,128,128": (1.15, 1.5),
    "100,64,512,512": (1.05, 1.1), "1000,16,64,64": (1.4, 1.7), "35,20,650,650": (1.05, 1.0),
}  # fmt: skip
SHARE = {"inference": 0.80, "training": 0.78}
# Microseconds of a step; times faster than nn.LSTM; than ONNX Runtime.
STREAM = {64: (2.0, 12.0, 1.5), 128: (6.0, 10.0, 1.5), 256: (26.0, 8.0, 1.5)}
RAGGED = 0.65
TRACE = 1.15
# Over all rows of a kind, the worst of them. A user's copy of a cell: from and to so many units, its speed over the
# compiled cell's. Cells of the literature: times faster than the reference, by the rows of the batch.
COPY = ((32, 63, 0.75), (64, math.inf, 0.9))
REFERENCE = {1: 15.0, 32: 2.5}
# Time over the plain layer's; over one thread's beside busy processes.
COST = {"layer_norm": 1.25, "zoneout": 1.1, "recurrent_dropout": 1.1, "weight_drop": 1.1}
BUSY = 1.1
# Times faster than the fastest engine, than torch.nn in training, than frozen float32 weights.
FASTER, SMALL_BATCHES, SMALL_BATCH, ONE_ROW, CEILING = 1.0, 8, 1.25, 1.5, 0.75
NARROW = {"int8": 1.8, "bfloat16": 1.4}
# Time a step at the most steps over that at the fewest.
LINEAR = 1.1
# What two medians of one thing differ by on a quiet machine: less than this is nothing measurable.
NOTHING = 0.03


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target. measured: None where it was not. most: the target is an upper bound, not a lower one.

    where: the row that was the worst, of a target for many.
    """

    what: str
    wanted: float
    measured: float | None
    most: bool = False
    where: str = ""

    @property
    def met(self) -> bool | None:
        """To the digits that are printed."""
        if self.measured is None:
            return None
        measured = round(self.measured, 2)
        return measured <= self.wanted if self.most else measured >= self.wanted

    def __str__(self) -> str:
        bound = f"{'≤' if self.most else '≥'} {self.wanted:g}"
        measured = "–" if self.measured is None else f"{self.measured:.2f}"
        verdict = {None: "not measured", True: "met", False: "NOT MET"}[self.met]
        where = f" ({self.where})" if self.where else ""
        return f"{self.what:<68} {bound:>8} {measured:>8}  {verdict}{where}"


def report(result: Row) -> str:
    """Every target, a line each, and how many were met."""
    found = list(targets(result))
    counts = [sum(target.met is each for target in found) for each in (True, False, None)]
    return "\n".join([*map(str, found), "{} met, {} not met, {} not measured".format(*counts)])


def targets(result: Row) -> Iterator[Target]:
    for cell, shape, mode in product(CELLS, SHAPES, MODES):
        row = speed_row(result, cell, shape, mode)
        what = f"{cell} {shape}, {mode}: times faster than torch.nn"
        yield Target(what=what, wanted=wanted_ratio(cell, shape, mode), measured=ratio(row))
    for cell, shape, mode in product(CELLS, SHAPES, MODES):
        if shape.rows >= 32 and shape.hidden >= 128:
            measured = share(result, speed_row(result, cell, shape, mode))
            what = f"{cell} {shape}, {mode}: share of the ceiling"
            yield Target(what=what, wanted=SHARE[mode], measured=measured)
    for shape, mode in product(SHAPES, MODES):
        wanted = 0.85 if shape.rows >= 8 else 0.99
        what = f"GRU {shape}, {mode}: time over the LSTM's"
        yield Target(what=what, wanted=wanted, measured=gru_over_lstm(result, shape, mode), most=True)
    yield from _streams(result)
    yield from _others(result)
    yield from _over_all_rows(result)


def _streams(result: Row) -> Iterator[Target]:
    for hidden in STREAM_SIZES:
        row = find(result.get("streaming", []), cell="LSTM", hidden=hidden)
        ours, torch, onnx = (fastest(row, name) for name in ("keepgate", "torch.nn@", "onnxruntime"))
        microseconds, over_torch, over_onnx = STREAM[hidden]
        what = f"LSTM stream, H = {hidden}: "
        yield Target(
            what=what + "µs a step",
            wanted=microseconds,
            measured=None if ours is None else 1e6 * ours,
            most=True,
        )
        yield Target(what=what + "times faster than nn.LSTM", wanted=over_torch, measured=over(torch, ours))
        yield Target(
            what=what + "times faster than ONNX Runtime", wanted=over_onnx, measured=over(onnx, ours)
        )


def _others(result: Row) -> Iterator[Target]:
    for shape, cell in product(RAGGED_SHAPES, CELLS):
        row = find(result.get("ragged", []), cell=cell, shape=str(shape), mode="training")
        what = f"{cell} {shape}, training: ragged over the full rectangle"
        yield Target(what=what, wanted=RAGGED, measured=ragged_over_full(row), most=True)
    for cell in CELLS:
        row = find(result.get("scaling", []), cell=cell)
        what = f"{cell} training, from {SCALING_SHAPES[0].steps} to {SCALING_SHAPES[-1].steps} steps: time a step"
        yield Target(what=what, wanted=LINEAR, measured=growth(row, "keepgate ragged"), most=True)
    for shape, mode, cell in product(SHAPES, MODES, CELLS):
        wanted = TRACE if mode == "inference" else 1 + NOTHING
        what = f"{cell} {shape}, {mode}: with a trace over without"
        measured = trace(speed_row(result, cell, shape, mode))
        yield Target(what=what, wanted=wanted, measured=measured, most=True)
    for shape, cell in product(MEMORY_SHAPES, CELLS):
        row = find(result.get("memory", []), cell=cell, shape=str(shape))
        what = f"{cell} {shape}, training: peak memory over torch's"
        yield Target(what=what, wanted=1.0, measured=memory(row), most=True)


def _over_all_rows(result: Row) -> Iterator[Target]:
    rows = {name: result.get(name, []) for name in ("user", "variants", "engines", "speed", "narrow", "busy")}
    copies = [row for row in rows["user"] if row["cell"] in CELLS]
    for least, most, wanted in COPY:
        sized = [row for row in copies if least <= Shape.of(row["shape"]).hidden <= most]
        what = f"a user's copy from {least} units: speed over the compiled cell's"
        yield _worst(what, wanted, sized, partial(_by_threads, min, "keepgate", "keepgate user"))
    cells = [row for row in rows["user"] if row["cell"] in LITERATURE]
    for batch, wanted in REFERENCE.items():
        what = f"a cell of the literature, batch {batch}: speed over the reference's"
        yield _worst(what, wanted, _of_batch(cells, batch, batch), reference_over_cell)
    for name, wanted in COST.items():
        what = f"{name}: time over the plain layer's"
        cost = partial(_by_threads, max, f"keepgate {name}", "keepgate")
        yield _worst(what, wanted, rows["variants"], cost, most=True)
    small = f", batch 1 to {SMALL_BATCHES}"
    for batches, most, wanted in (("", math.inf, FASTER), (small, SMALL_BATCHES, SMALL_BATCH)):
        what = f"inference{batches}: times faster than every engine"
        yield _worst(what, wanted, _of_batch(rows["engines"], 1, most), over_engines)
    trained = [row for row in rows["speed"] if row["mode"] == "training"]
    yield _worst("training: times faster than torch.nn", FASTER, trained, ratio)
    yield _worst("training, batch 1: times faster than torch.nn", ONE_ROW, _of_batch(trained, 1, 1), ratio)
    what = "training, batch 32 and more: share of the ceiling"
    yield _worst(what, CEILING, _of_batch(trained, 32, math.inf), partial(share, result))
    for name, wanted in NARROW.items():
        what = f"{name} weights, batch 1: times faster than frozen float32"
        yield _worst(what, wanted, rows["narrow"], partial(narrow_gain, weights=name))
    what = f"beside busy processes: time of {max(THREADS)} threads over one's"
    yield _worst(what, BUSY, rows["busy"], threads_over_one, most=True)


def _worst(
    what: str,
    wanted: float,
    rows: Iterable[Row],
    figure: Callable[[Row], float | None],
    *,
    most: bool = False,
) -> Target:
    """The target for all of the rows: the figure that misses it by most, or fulfils it by least, and its row."""
    figures = [(value, title(row)) for row in rows if (value := figure(row)) is not None]
    measured, where = (max if most else min)(figures, default=(None, ""))
    return Target(what=what, wanted=wanted, measured=measured, most=most, where=where)


def _of_batch(rows: Iterable[Row], least: float, most: float) -> list[Row]:
    return [row for row in rows if least <= Shape.of(row["shape"]).rows <= most]


def _by_threads(worse: Callable[..., float | None], above: str, below: str, row: Row) -> float | None:
    """Two contenders' times, one over the other, with the number of threads at which it is worse."""
    quotients = (over(median(row, f"{above}@{n}"), median(row, f"{below}@{n}")) for n in THREADS)
    return worse((quotient for quotient in quotients if quotient is not None), default=None)


def wanted_ratio(cell: str, shape: Shape, mode: Mode) -> float:
    """How many times faster than torch.nn a cell was meant to be."""
    if cell == "LSTM":
        return LSTM[str(shape)][MODES.index(mode)]
    if cell == "RNN":
        return 1.2 if mode == "inference" else 1.5
    if mode == "inference":
        return 4.0 if shape.rows == 1 and shape.hidden <= 128 else 1.4
    return 2.5 if shape.rows <= 32 and shape.hidden <= 256 else 1.3
