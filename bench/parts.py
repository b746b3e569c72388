"""The parts of the measurement: alone, in a model, ragged, streaming, memory, … Each: jobs, and what does one."""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

import keepgate
from bench import busy, memory, narrow, streaming, within
from bench.agreement import errors, refusal, rounded, truth
from bench.ceilings import Ceilings
from bench.clock import Contender, interleave
from bench.contenders import (
    VARIANTS,
    Runner,
    jax_scan,
    keepgate_frozen,
    keepgate_layer,
    keepgate_ragged,
    keepgate_reference,
    keepgate_trace,
    keepgate_user,
    keepgate_variant,
    onnx_runtime,
    ours,
    python_loop,
    torch_nn,
    torch_packed,
)
from bench.engines import ENGINES
from bench.machine import THREADS
from bench.problem import (
    BUSY_SHAPES,
    CELLS,
    LITERATURE,
    LITERATURE_SHAPES,
    MEMORY_SHAPES,
    MODES,
    NARROW_SHAPES,
    ONE_STEP_SHAPES,
    RAGGED_SHAPES,
    SCALING_SHAPES,
    SHAPES,
    STREAM_SIZES,
    USER_SHAPES,
    VARIANT_SHAPES,
    WITHIN_SHAPES,
    Mode,
    Problem,
    Shape,
)
from keepgate.arrays.narrow import WEIGHT_FORMATS

Job = dict[str, Any]
Row = dict[str, Any]
ALL = max(THREADS)


@dataclass(frozen=True, kw_only=True)
class Context:
    """seconds: to spend on a row. burst: what measures the ceiling of products between the contenders' turns."""

    seconds: float
    burst: Ceilings


@dataclass(frozen=True, kw_only=True)
class Part:
    jobs: tuple[Job, ...]
    measure: Callable[[Job, Context], Row]


class Field:
    """The contenders of one row: only who agrees with the truth is let in; the others are told, with the reason."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.contenders: dict[str, Contender] = {}
        self.errors: dict[str, dict[str, float]] = {}
        self.missing: dict[str, str] = {}
        self.disagrees: list[str] = []

    def add(
        self,
        name: str,
        build: Callable[[], Runner],
        expected: Mapping[str, torch.Tensor],
        *,
        threads: tuple[int, ...] = (ALL,),
        checked: Callable[[], Runner] | None = None,
    ) -> None:
        """Builds, checks with the last number of threads, and lets in once for each number of them.

        checked: what is checked in its stead, rounded: the same in float64, where float32's errors grow with the steps.

        What is ours must agree as closely as in the tests; what is neither ours nor torch's layer has fewer turns.
        """
        torch.set_num_threads(threads[-1])
        try:
            runner = build()
        except ImportError as error:
            self.missing[name] = str(error)
            return
        witness = rounded(checked()) if checked else runner
        witness.call()
        self.errors[name] = {kind: float(f"{off:.2g}") for kind, off in errors(witness, expected).items()}
        if why := refusal(witness, expected, peer=not name.startswith("keepgate")):
            self.disagrees.append(f"{name}: {why}")
            return
        for number in threads:
            rare = not name.startswith(("keepgate", "torch.nn"))
            self.contenders[f"{name}@{number}"] = runner.contender(number, rare=rare)

    def row(self) -> Row:
        """Times everybody, if those who must agree do."""
        told = {"errors": self.errors, "missing": self.missing, "disagrees": self.disagrees}
        if self.disagrees:
            return {**told, "times": {}}
        rates: list[float] = []
        burst = Contender(call=lambda: rates.append(self.context.burst.multiply_add(ALL)), threads=ALL)
        times = interleave({"burst": burst, **self.contenders}, seconds=self.context.seconds)
        return {
            **told,
            "times": {name: timing.json() for name, timing in times.items() if name != "burst"},
            "burst": float(f"{statistics.median(rates):.4g}"),
            "burst_best": float(f"{max(rates):.4g}"),
        }


def speed(job: Job, context: Context) -> Row:
    """One cell, shape and mode; everybody."""
    problem, mode = _problem(job), job["mode"]
    expected = truth(problem, mode)
    field = Field(context)
    for name, build, threads in _EVERYBODY:
        field.add(name, partial(build, problem, mode), expected, threads=threads)
    for number in THREADS if mode == "inference" else ():
        build_onnx = partial(onnx_runtime, problem, mode, threads=number)
        field.add("onnxruntime", build_onnx, expected, threads=(number,))
    return {"kernel": _kernel(problem), **field.row()}


def engines(job: Job, context: Context) -> Row:
    """Inference by ours, frozen as every engine's weights are, by torch.nn and by the engines."""
    problem, mode = _problem(job), job["mode"]
    field, expected = Field(context), truth(problem, mode)
    field.add("keepgate", partial(keepgate_frozen, problem, mode), expected, threads=THREADS)
    field.add("torch.nn", partial(torch_nn, problem, mode), expected, threads=THREADS)
    for number in THREADS:
        build_onnx = partial(onnx_runtime, problem, mode, threads=number)
        field.add("onnxruntime", build_onnx, expected, threads=(number,))
        for name, build in ENGINES.items():
            field.add(name, partial(build, problem, number), expected, threads=(number,))
    return field.row()


_EVERYBODY: tuple[tuple[str, Callable[[Problem, Mode], Runner], tuple[int, ...]], ...] = (
    ("keepgate", keepgate_layer, THREADS),
    ("keepgate trace", keepgate_trace, (ALL,)),
    ("torch.nn", torch_nn, THREADS),
    ("loop", python_loop, (ALL,)),
    ("jax", jax_scan, (ALL,)),
)


def one_step(job: Job, context: Context) -> Row:
    """One call of one step: ours, ours with frozen weights, torch.nn, ONNX Runtime."""
    problem, mode = _problem(job), job["mode"]
    field, expected = Field(context), truth(problem, mode)
    for name, build in (
        ("keepgate", keepgate_layer),
        ("keepgate frozen", keepgate_frozen),
        ("torch.nn", torch_nn),
    ):
        field.add(name, partial(build, problem, mode), expected, threads=THREADS)
    for number in THREADS:
        build_onnx = partial(onnx_runtime, problem, mode, threads=number)
        field.add("onnxruntime", build_onnx, expected, threads=(number,))
    return field.row()


def user(job: Job, context: Context) -> Row:
    """A user's copy of a cell beside the compiled one, and beside the loop in torch that it takes the place of.

    Of a cell of the literature the layer is itself a user's, and stands beside the reference.
    """
    problem, mode = _problem(job), job["mode"]
    field, expected = Field(context), truth(problem, mode)
    field.add("keepgate", partial(keepgate_layer, problem, mode), expected, threads=THREADS)
    if job["cell"] in LITERATURE:
        field.add("reference", partial(keepgate_reference, problem, mode), expected, threads=THREADS)
    else:
        field.add("keepgate user", partial(keepgate_user, problem, mode), expected, threads=THREADS)
        field.add("loop", partial(python_loop, problem, mode), expected)
    return field.row()


def narrow_weights(job: Job, context: Context) -> Row:
    """Layers with frozen float32, bfloat16 and int8 weights, and of one step their steppers.

    Each agrees with its own weights, rounded, to float32's rounding: what is lost is the weights' rounding alone.
    """
    problem, field = _problem(job), Field(context)
    for weights in (None, *WEIGHT_FORMATS):
        name, expected = weights or "frozen", narrow.truth(problem, weights)
        field.add(f"keepgate {name}", partial(narrow.layer, problem, weights), expected, threads=THREADS)
        if problem.shape.steps == 1:
            build = partial(narrow.stepper, problem, weights)
            field.add(f"keepgate stepper {name}", build, expected, threads=THREADS)
    return field.row()


def variants(job: Job, context: Context) -> Row:
    """A plain layer, and the same with each of VARIANTS; masks are drawn in training alone."""
    problem, mode = _problem(job), job["mode"]
    field = Field(context)
    field.add("keepgate", partial(keepgate_layer, problem, mode), truth(problem, mode), threads=THREADS)
    for name in VARIANTS if mode == "training" else ("layer_norm",):
        reference = rounded(keepgate_variant(problem.exact, mode, name, kernel="reference"))
        reference.call()
        build, checked = (partial(keepgate_variant, each, mode, name) for each in (problem, problem.exact))
        field.add(f"keepgate {name}", build, reference.results(), threads=THREADS, checked=checked)
    return field.row()


def ragged(job: Job, context: Context) -> Row:
    """Rows of lengths uniform in 1 … steps: ours, ours as a full rectangle, torch's packed sequences."""
    problem, mode = _problem(job), job["mode"]
    field, expected = Field(context), truth(problem, mode, ragged=True)
    field.add("keepgate", partial(keepgate_layer, problem, mode), truth(problem, mode))
    field.add("keepgate ragged", partial(keepgate_ragged, problem, mode), expected)
    field.add("torch packed", partial(torch_packed, problem, mode), expected, threads=THREADS)
    share = float(problem.lengths.sum()) / (problem.shape.steps * problem.shape.rows)
    return {"share": round(share, 3), **field.row()}


def scaling(job: Job, context: Context) -> Row:
    """Training steps of longer and longer ragged rows, all of them in turns."""
    field = Field(context)
    for shape in SCALING_SHAPES:
        problem = Problem(cell=job["cell"], shape=shape)
        expected = truth(problem, "training", ragged=True)
        for name, build in (("keepgate ragged", keepgate_ragged), ("torch packed", torch_packed)):
            field.add(f"{name} {shape.steps}", partial(build, problem, "training"), expected)
    return {"steps": [shape.steps for shape in SCALING_SHAPES], **field.row()}


def _problem(job: Job) -> Problem:
    return Problem(cell=job["cell"], shape=Shape.of(job["shape"]))


def _kernel(problem: Problem) -> str | None:
    """The kernel that takes keepgate's call."""
    return keepgate.explain_kernels(ours(problem), problem.x_TBI).parts[0].kernel


def _jobs(
    shapes: tuple[Shape, ...], modes: tuple[Mode, ...] = MODES, cells: Iterable[str] = CELLS
) -> tuple[Job, ...]:
    return tuple(
        {"cell": cell, "shape": str(shape), "mode": mode}
        for shape in shapes for mode in modes for cell in cells
    )  # fmt: skip


PARTS: dict[str, Part] = {
    "speed": Part(jobs=_jobs(SHAPES), measure=speed),
    "within": Part(
        jobs=_jobs(WITHIN_SHAPES),
        measure=lambda job, context: within.row(_problem(job), job["mode"], context.seconds),
    ),
    "one_step": Part(
        jobs=_jobs(ONE_STEP_SHAPES, ("inference",)),
        measure=one_step,
    ),
    "busy": Part(
        jobs=tuple(
            {"cell": "LSTM", "shape": str(shape), "mode": mode, "neighbours": neighbours}
            for shape in BUSY_SHAPES
            for mode in MODES
            for neighbours in busy.NEIGHBOURS
        ),
        measure=lambda job, _: busy.row(_problem(job), job["mode"], job["neighbours"]),
    ),
    "engines": Part(
        jobs=_jobs(SHAPES, ("inference",)),
        measure=engines,
    ),
    "user": Part(
        jobs=_jobs(USER_SHAPES) + _jobs(LITERATURE_SHAPES, cells=LITERATURE),
        measure=user,
    ),
    "narrow": Part(
        jobs=_jobs(NARROW_SHAPES, ("inference",), ("LSTM", "GRU")),
        measure=narrow_weights,
    ),
    "variants": Part(
        jobs=_jobs(VARIANT_SHAPES, cells=("LSTM", "GRU")),
        measure=variants,
    ),
    "ragged": Part(jobs=_jobs(RAGGED_SHAPES), measure=ragged),
    "scaling": Part(jobs=tuple({"cell": cell} for cell in CELLS), measure=scaling),
    "streaming": Part(
        jobs=tuple({"cell": cell, "hidden": hidden} for cell in CELLS for hidden in STREAM_SIZES),
        measure=lambda job, _: streaming.row(job["cell"], job["hidden"]),
    ),
    "memory": Part(
        jobs=tuple({"cell": cell, "shape": str(shape)} for shape in MEMORY_SHAPES for cell in CELLS),
        measure=lambda job, _: memory.row(job["cell"], Shape.of(job["shape"])),
    ),
}
