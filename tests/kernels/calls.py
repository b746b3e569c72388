"""Calls with random numbers, everything that comes of one, and the comparison with the reference."""

import dataclasses
import random
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from keepgate import cells
from keepgate.equations import Cell
from keepgate.kernels import KERNELS, Call, run
from tests.oracles import agrees

COMPILED = cells.COMPILED
# Those of which a layer is made as it stands: masked cells read masks beside, which only a layer in training draws.
CORE = tuple(cell for cell in COMPILED if not cell.unit_inputs)
DTYPES = (torch.float32, torch.float64)
# A normalisation magnifies what float32 has rounded below it: those cells are held to the reference in float64, and in
# float32 to the truth (test_core_layers.py).
CORE_AND_DTYPES = tuple(
    (cell, dtype) for cell in CORE for dtype in DTYPES if dtype == torch.float64 or not cell.row_means
)

# One beside each vector width (4, 8 and 16 numbers) and beside each number of rows that a tile holds.
HIDDEN = (1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 65)
ROWS = (1, 2, 3, 5, 6, 7, 8, 9, 13, 20)
INPUTS = (1, 2, 5, 8, 16, 17, 33)
# The inputs of about 64 rows of (time · batch) are projected at once: 40 and 130 steps cross from block to block.
STEPS = (1, 2, 3, 40, 130)


def by_name(name: str):
    """The kernel of that name."""
    return next(kernel for kernel in KERNELS if kernel.name == name)


def made(cell: Cell, steps, rows, inputs, hidden, dtype=torch.float64, bias="both", **options) -> Call:
    """A call with random weights and states. Weights shrink with the sizes, so that no run is chaotic."""

    def normal(*shape):
        scale = min(0.5, shape[-1] ** -0.5) if len(shape) == 2 else 0.5
        return (torch.randn(*shape, dtype=dtype) * scale).requires_grad_()

    blocks, projected = len(cell.gates) * hidden, options.pop("projected", None)
    recurrent = {"diagonal": (blocks,), "none": None}.get(cell.recurrent, (blocks, projected or hidden))
    sizes = [projected or hidden, *[hidden] * (len(cell.states) - 1)]
    return Call(
        cell=cell,
        x=normal(steps, rows, inputs + len(cell.unit_inputs) * hidden),
        states=tuple((normal(rows, size).detach().abs() + 0.1).requires_grad_() for size in sizes),
        weight_ih=normal(blocks, inputs),
        weight_hh=None if recurrent is None else normal(*recurrent),
        bias_ih=None if bias == "none" else normal(blocks),
        bias_hh=None if bias != "both" or recurrent is None else normal(blocks),
        weight_hr=None if projected is None else normal(projected, hidden),
        vectors=tuple(normal(hidden) for _ in cell.vectors),
        **options,
    )


def ragged(steps: int, rows: int, chance: random.Random) -> Tensor:
    """Lengths from 0 to `steps`, the ends more often than the rest."""
    return torch.tensor([chance.choice((0, steps, chance.randint(0, steps))) for _ in range(rows)])


def drawn(*seed: object, cell: Cell, dtype: torch.dtype, **fixed: object) -> Call:
    """A call whose sizes and options are drawn; the same `seed` draws the same call. `fixed` wins."""
    text = " ".join(map(str, (*seed, cell.name, dtype)))
    chance = random.Random(zlib.crc32(text.encode()))
    torch.manual_seed(chance.randrange(2**31))
    steps, rows = fixed.pop("steps", chance.choice(STEPS)), fixed.pop("rows", chance.choice(ROWS))
    inputs, hidden = fixed.pop("inputs", chance.choice(INPUTS)), fixed.pop("hidden", chance.choice(HIDDEN))
    # Of another, a unit would read an output that a projection leaves it none; without gates two products in each step
    # make long runs chaotic.
    dense = (
        not cell.reads_output
        and cell.recurrent in ("dense", "none")
        and cell.recurrent_state == cell.states[0]
    )
    # A normalisation of what is made of a few outputs magnifies their rounding.
    projects = dense and len(cell.gates) > 1 and (dtype == torch.float64 or not cell.row_means)
    options = {
        "bias": chance.choice(("both", "both", "ih", "none")),
        "lengths": ragged(steps, rows, chance) if chance.random() < 0.5 else None,
        "resets": torch.rand(steps, rows) < 0.2 if chance.random() < 0.4 else None,
        "reverse": chance.random() < 0.5,
        "trace": chance.random() < 0.4,
        "projected": chance.randint(1, hidden) if projects and chance.random() < 0.25 else None,
    }
    return made(cell, steps, rows, inputs, hidden, dtype, **{**options, **fixed})


def spelled(call: Call) -> str:
    """What a failed comparison must say to be found again."""
    options = {
        "bias": [name for name in ("bias_ih", "bias_hh") if getattr(call, name) is not None],
        "lengths": None if call.lengths is None else call.lengths.tolist(),
        "resets": call.resets is not None,
        "reverse": call.reverse,
        "trace": call.trace,
        "projected": None if call.weight_hr is None else call.output_size,
    }
    sizes = f"{call.steps} steps, {call.rows} rows, {call.x.shape[2]} inputs, {call.hidden_size} units"
    return f"{call.cell.name} {call.x.dtype}: {sizes}, {options}"


def names(call: Call) -> dict[str, Tensor]:
    """Every tensor of the call that may need a gradient, by name."""
    given = {"x": call.x, **{f"first {s}": v for s, v in zip(call.cell.states, call.states, strict=True)}}
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"):
        if getattr(call, name) is not None:
            given[name] = getattr(call, name)
    return given | dict(zip(call.cell.vectors, call.vectors, strict=True))


def values(call: Call, kernel: str) -> dict[str, Tensor]:
    """Output, final states and trace, by name."""
    ran = run(call, kernel)
    final = {f"last {s}": v for s, v in zip(call.cell.states, ran.final, strict=True)}
    return {"output": ran.output, **final, **{f"trace {name}": value for name, value in ran.traced.items()}}


def derivatives(
    call: Call, found: dict[str, Tensor], *, through_trace: bool = False
) -> dict[str, Tensor | None]:
    """The gradients of a fixed random weighting of `found`, by the name of what they belong to."""
    generator = torch.Generator().manual_seed(7)
    outputs = [
        value
        for name, value in sorted(found.items())  # kernels may order a trace otherwise
        if value.requires_grad and (through_trace or "trace" not in name)
    ]
    weights = [torch.randn(v.shape, generator=generator, dtype=torch.float64).to(v.dtype) for v in outputs]
    wanted = {name: value for name, value in names(call).items() if value.requires_grad}
    grads = torch.autograd.grad(outputs, list(wanted.values()), weights, allow_unused=True)
    return {f"gradient of {name}": grad for name, grad in zip(wanted, grads, strict=True)}


def results(call: Call, kernel: str = "cpu") -> dict[str, Tensor | None]:
    """Values and gradients, by name."""
    ran = values(call, kernel)
    return ran | derivatives(call, ran)


def same_bits(ours: dict[str, Tensor | None], theirs: dict[str, Tensor | None]) -> None:
    """The same results, to the last bit."""
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        other = theirs[name]
        assert value is other or torch.equal(value, other), f"{name} differs by {(value - other).abs().max()}"


def in_double(call: Call) -> Call:
    """The same numbers in float64."""

    def twice(value):
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.detach().double().requires_grad_(value.requires_grad)
        return tuple(map(twice, value)) if isinstance(value, tuple) else value

    fields = {field.name: twice(getattr(call, field.name)) for field in dataclasses.fields(Call)}
    return dataclasses.replace(call, **fields)


def check(call: Call, kernel: str = "cpu", *, through_trace: bool = False) -> None:
    """The kernel's results and gradients are those of the reference in float64, rounded.

    Gradients in float64 are held to the tolerance of values, which is the narrower one. Where a sum cancels, float32 is
    further off than its tolerance in the reference as well: then the kernel, which rounds in another order, may be off
    twice as far as that, and no further.
    """
    precise, single = in_double(call), call.x.dtype == torch.float32
    ours, theirs = values(call, kernel), values(precise, "reference")
    found = derivatives(call, ours, through_trace=through_trace)
    expected = derivatives(precise, theirs, through_trace=through_trace)
    try:
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            _agree(name, value, theirs[name])
        for name, value in found.items():
            try:
                _agree(name, value, expected[name], "gradient" if single else "value")
            except AssertionError:
                reference = derivatives(call, values(call, "reference"), through_trace=through_trace)[name]
                if not single or not _no_further(value, reference, expected[name]):
                    raise
    except AssertionError as wrong:
        wrong.add_note(spelled(call))
        raise


def _no_further(ours: Tensor | None, theirs: Tensor | None, truth: Tensor | None) -> bool:
    if ours is None or theirs is None or truth is None:
        return False
    return bool((ours.double() - truth).abs().max() <= 2 * (theirs.double() - truth).abs().max())


def _agree(name: str, ours: Tensor | None, theirs: Tensor | None, kind: str = "value") -> None:
    try:
        if theirs is None or ours is None:
            assert ours is theirs or not (ours if theirs is None else theirs).any(), "one has no gradient"
        else:
            agrees(ours, theirs.to(ours.dtype), kind)
    except AssertionError as wrong:
        wrong.add_note(name)
        raise


@contextmanager
def threads(count: int) -> Iterator[None]:
    """torch, and with it the core, uses so many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
