"""Random cells with random shapes and options on the core, held against the reference, as many as one likes.

    python -m tests.kernels.fuzz 10000                   ten thousand cells, a hundred calls of each: a million; hours
    python -m tests.kernels.fuzz 1 --first 1234          one cell again, by its number

Each number is a cell and its calls, the same on every machine. Calls come in sheets: alike in the numbers of units and
inputs and in options, each with its own rows, steps, lengths, resets, weights and states. The core runs each call by
itself, the reference a sheet at once by torch.vmap, where a loop of Python for each call would take ten times as long.
The core keeps every cell that it was given, so that they are shared out to processes, one after the other or
`--workers` at once.
"""

import argparse
import dataclasses
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from keepgate.equations import Cell
from keepgate.kernels import Call
from tests.kernels.calls import ROWS, by_name, drawn, names, ragged, spelled, values
from tests.kernels.random_cells import random_cell
from tests.oracles import tolerance

SHEETS, CALLS, STEPS = 4, 25, 3
CELLS_IN_A_PROCESS = 100


def fuzz(number: int, *, sheets: int = SHEETS, calls: int = CALLS) -> None:
    """The calls of this cell agree, in float64, where corners are the same for both."""
    cell = random_cell(random.Random(number))
    for sheet in range(sheets):
        try:
            check_sheet(drawn_sheet(number, sheet, cell, calls))
        except AssertionError as wrong:
            wrong.add_note(f"random_cell(random.Random({number})), sheet {sheet}")
            raise


def drawn_sheet(number: int, sheet: int, cell: Cell, calls: int) -> list[Call]:
    """Calls of the same numbers of units and inputs and the same options, and else each another."""
    whole = {"dtype": torch.float64, "steps": STEPS, "rows": max(ROWS), "lengths": None, "resets": None}
    like = drawn(number, sheet, cell=cell, **whole)
    chance = random.Random(f"{number} {sheet}")
    # Numbers of the same size as those of `like`, for all calls at once.
    numbers = {
        name: torch.randn(calls, *tensor.shape, dtype=tensor.dtype) * tensor.detach().square().mean().sqrt()
        for name, tensor in names(like).items()
    }
    sheet_of = []
    for n in range(calls):
        steps, rows = chance.randint(1, STEPS), chance.choice(ROWS)
        own = {name: tensor[n] for name, tensor in numbers.items()} | {"x": numbers["x"][n, :steps, :rows]}
        own |= {f"first {state}": numbers[f"first {state}"][n, :rows].abs() for state in cell.states}
        sheet_of.append(
            with_tensors(
                like,
                {name: tensor.requires_grad_() for name, tensor in own.items()},
                lengths=ragged(steps, rows, chance) if chance.random() < 0.5 else None,
                resets=torch.rand(steps, rows) < 0.2 if chance.random() < 0.4 else None,
            )
        )
    return sheet_of


def with_tensors(call: Call, tensors: dict[str, Tensor], **fields: Tensor | None) -> Call:
    """The call with other tensors, by their `names`, and other fields."""
    given = dict(tensors)
    fields["states"] = tuple(given.pop(f"first {state}") for state in call.cell.states)
    fields["vectors"] = tuple(given.pop(name) for name in call.cell.vectors)
    return dataclasses.replace(call, **given, **fields)


def check_sheet(calls: list[Call]) -> None:
    """Outputs, final states, trace and gradients of each call are the reference's."""
    expected = reference(calls)
    for call, theirs in zip(calls, expected, strict=True):
        assert by_name("cpu").refusal_reason(call) is None
        ours = values(call, "cpu")
        weighted = {name: value for name, value in theirs.items() if name.startswith("weight of ")}
        given = names(call)
        grads = torch.autograd.grad(
            [ours[name.removeprefix("weight of ")] for name in weighted],
            list(given.values()),
            list(weighted.values()),
            materialize_grads=True,
        )
        ours |= {f"gradient of {name}": grad for name, grad in zip(given, grads, strict=True)}
        try:
            agree({name: (value, theirs[name]) for name, value in ours.items()})
        except AssertionError as wrong:
            wrong.add_note(spelled(call))
            raise


def reference(calls: list[Call]) -> list[dict[str, Tensor]]:
    """Of each call values, weights of those that are differentiated, and gradients, by name: the reference's, of all
    calls as rows of one padded batch for each."""
    like, steps, rows = calls[0], STEPS, max(ROWS)
    lengths = torch.zeros(len(calls), rows, dtype=torch.long)
    resets = torch.zeros(len(calls), steps, rows, dtype=torch.bool)
    padded = {name: [] for name in names(like)}
    for n, call in enumerate(calls):
        lengths[n, : call.rows] = call.steps if call.lengths is None else call.lengths
        if call.resets is not None:
            resets[n, : call.steps, : call.rows] = call.resets
        for name, tensor in names(call).items():
            whole = tensor.detach()
            if name == "x":
                whole = torch.nn.functional.pad(whole, (0, 0, 0, rows - call.rows, 0, steps - call.steps))
            elif name.startswith("first "):
                whole = torch.nn.functional.pad(whole, (0, 0, 0, rows - call.rows))
            padded[name].append(whole)
    tensors = {name: torch.stack(each).requires_grad_() for name, each in padded.items()}

    def one(tensors: dict[str, Tensor], lengths: Tensor, resets: Tensor) -> dict[str, Tensor]:
        return values(with_tensors(like, tensors, lengths=lengths, resets=resets), "reference")

    found = torch.vmap(one)(tensors, lengths, resets)
    weights = {
        name: torch.randn_like(v) for name, v in found.items() if "trace" not in name and v.requires_grad
    }
    grads = torch.autograd.grad(
        [found[name] for name in weights],
        list(tensors.values()),
        list(weights.values()),
        materialize_grads=True,
    )
    all_of = found | {f"weight of {name}": weight for name, weight in weights.items()}
    all_of |= {f"gradient of {name}": grad for name, grad in zip(tensors, grads, strict=True)}
    return [
        {name: cut(name, value[n].detach(), call) for name, value in all_of.items()}
        for n, call in enumerate(calls)
    ]


def cut(name: str, value: Tensor, call: Call) -> Tensor:
    """What the call's own rows and steps have of a padded tensor."""
    name = name.removeprefix("weight of ").removeprefix("gradient of ")
    if name in ("x", "output") or name.startswith("trace "):
        return value[: call.steps, : call.rows]
    return value[: call.rows] if name.startswith(("first ", "last ")) else value


def agree(pairs: dict[str, tuple[Tensor, Tensor]]) -> None:
    """As `oracles.agrees` in float64, for many tensors at once."""
    ours, theirs = [pair[0].detach() for pair in pairs.values()], [pair[1] for pair in pairs.values()]
    assert [a.shape for a in ours] == [b.shape for b in theirs]
    ours, theirs = [a.reshape(-1) for a in ours], [b.reshape(-1) for b in theirs]
    differences = torch.stack(torch._foreach_norm(torch._foreach_sub(ours, theirs), torch.inf))
    scales = torch.stack(torch._foreach_norm(theirs, torch.inf)).clamp(min=1)
    # NaN is not below anything.
    wrong = ~(differences <= tolerance(torch.float64, "value") * scales)
    if wrong.any():
        off = [
            f"{name} by {difference:.3g}"
            for name, difference, bad in zip(pairs, differences, wrong, strict=True)
            if bad
        ]
        raise AssertionError(", ".join(off))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("count", type=int, help="cells")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if options.count <= CELLS_IN_A_PROCESS:
        return run(range(options.first, options.first + options.count))
    end, started, agreed, wrong = options.first + options.count, time.monotonic(), 0, 0
    starts = range(options.first, end, CELLS_IN_A_PROCESS)
    with ThreadPoolExecutor(options.workers) as pool:
        try:
            for start, failed in zip(starts, pool.map(lambda n: in_a_process(n, end), starts), strict=True):
                wrong += failed
                agreed = min(start + CELLS_IN_A_PROCESS, end) - options.first - wrong
                calls, seconds = agreed * SHEETS * CALLS, time.monotonic() - started
                print(f"{agreed} cells agree in {calls} calls, {wrong} do not, {seconds:.0f} s", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            print(f"Stopped: {agreed} cells agreed, {wrong} did not")
    return min(wrong, 1)


def in_a_process(start: int, end: int) -> int:
    """How many of the next numbers before `end` do not agree; whatever ends the process counts as one."""
    count = min(CELLS_IN_A_PROCESS, end - start)
    command = [sys.executable, "-m", "tests.kernels.fuzz", str(count), "--first", str(start)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{done.stdout}{done.stderr[-4000:]}", flush=True)
    return done.stdout.count("does not agree") or int(done.returncode != 0)


def run(numbers: range) -> int:
    torch.set_num_threads(1)
    wrong = 0
    for number in numbers:
        try:
            fuzz(number)
        except AssertionError as error:
            wrong += 1
            print(f"{number} does not agree: {error}", *error.__notes__, sep="\n  ")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
