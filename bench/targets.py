"""What the layers were meant to reach, held against what was measured. Pure: a result in, figures out."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from bench.figures import (
    Row,
    fastest,
    find,
    growth,
    gru_over_lstm,
    memory,
    over,
    ragged_over_full,
    ratio,
    share,
    speed_row,
    trace,
)
from bench.problem import (
    CELLS,
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
# Time a step at the most steps over that at the fewest.
LINEAR = 1.1
# What two medians of one thing differ by on a quiet machine: less than this is nothing measurable.
NOTHING = 0.03


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target. measured: None where it was not. most: the target is an upper bound, not a lower one."""

    what: str
    wanted: float
    measured: float | None
    most: bool = False

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
        return f"{self.what:<68} {bound:>8} {measured:>8}  {verdict}"


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


def wanted_ratio(cell: str, shape: Shape, mode: Mode) -> float:
    """How many times faster than torch.nn a cell was meant to be."""
    if cell == "LSTM":
        return LSTM[str(shape)][MODES.index(mode)]
    if cell == "RNN":
        return 1.2 if mode == "inference" else 1.5
    if mode == "inference":
        return 4.0 if shape.rows == 1 and shape.hidden <= 128 else 1.4
    return 2.5 if shape.rows <= 32 and shape.hidden <= 256 else 1.3
