"""keepgate explain: what this machine offers, and which kernel a layer's call would take, and why not the others."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from ..cells import CELLS, by_name
from ..errors import SettingsError
from .console import make_console, print_json, print_text, table
from .inputs import at_least_one

if TYPE_CHECKING:
    import torch

    from ..machine import Machine
    from ..nn.kernel_report import KernelReport

EPILOGUE = """Examples:

  keepgate explain
  keepgate explain --cell lstm --hidden-size 128 --bidirectional
  keepgate explain --cell gru --hidden-size 64 --lengths --trace"""

Dtype = Literal["float32", "float64", "bfloat16", "float16"]


def explain(
    *,
    cell: Annotated[
        str | None, Parameter(help=f"A layer of this cell: {', '.join(cell.name for cell in CELLS)}.")
    ] = None,
    input_size: Annotated[int, Parameter(show_default=True, help="Features of a step.")] = 64,
    hidden_size: Annotated[
        int, Parameter(alias="--hidden", show_default=True, help="Units of the layer.")
    ] = 64,
    num_layers: Annotated[int, Parameter(show_default=True, help="Layers on top of each other.")] = 1,
    bidirectional: Annotated[bool, Parameter(help="Read both ways.")] = False,
    proj_size: Annotated[int, Parameter(help="Outputs of a projection (LSTM); 0 for none.")] = 0,
    steps: Annotated[int, Parameter(show_default=True, help="Steps of the input.")] = 100,
    batch: Annotated[int, Parameter(show_default=True, help="Rows of the input.")] = 1,
    lengths: Annotated[bool, Parameter(help="Rows of different lengths are given.")] = False,
    resets: Annotated[bool, Parameter(help="Resets of the state are given.")] = False,
    trace: Annotated[bool, Parameter(help="A trace is asked for.")] = False,
    dtype: Annotated[Dtype, Parameter(show_default=True, help="The numbers' type.")] = "float32",
    device: Annotated[str, Parameter(show_default=True, help="Where it runs: cpu or cuda.")] = "cpu",
    json: Annotated[bool, Parameter(help="One JSON object.")] = False,
) -> None:
    """Say what this machine offers, and which kernel a call would take.

    With --cell it describes one layer's call: each kernel in the order in which they are asked, and why those that
    cannot run it refuse. Nothing is computed.
    """
    at_least_one(
        input_size=input_size, hidden_size=hidden_size, num_layers=num_layers, steps=steps, batch=batch
    )
    from ..machine import machine

    report = None
    if cell is not None:
        import torch

        from ..nn import Recurrent, explain_kernels
        from ..nn.init import SkipInit

        on_device, torch_dtype = _torch_names(device, dtype)
        with SkipInit():
            layer = Recurrent(
                by_name(cell), input_size, hidden_size, num_layers,
                bidirectional=bidirectional, proj_size=proj_size, device=on_device, dtype=torch_dtype,
            )  # fmt: skip
        # One number in every place, so that the input takes no memory.
        steps_input = torch.zeros(1, 1, 1, device=on_device, dtype=torch_dtype).expand(
            steps, batch, input_size
        )
        report = explain_kernels(
            layer,
            steps_input,
            lengths=torch.full((batch,), steps) if lengths else None,
            resets=torch.zeros(1, 1, dtype=torch.bool, device=on_device).expand(steps, batch)
            if resets
            else None,
            trace=trace,
        )
    if json:
        calls = {} if report is None else {"calls": _as_json(report)}
        print_json({"machine": asdict(machine()), **calls})
        return
    console = make_console()
    _print_machine(console, machine())
    console.print()
    _print_kernels(console) if report is None else _print_report(console, report)


def _torch_names(device: str, dtype: Dtype) -> "tuple[torch.device, torch.dtype]":
    import torch

    try:
        on_device = torch.device(device)
        torch.empty(0, device=on_device)
    except (RuntimeError, AssertionError) as fault:
        raise SettingsError(
            f"--device is {device!r}, which this machine or this torch does not have; use cpu"
        ) from fault
    return on_device, getattr(torch, dtype)


def _print_machine(console: Console, machine: "Machine") -> None:
    extras = (
        "" if machine.extras is None else "; " + (", ".join(machine.extras) or "neither bfloat16 nor AMX")
    )
    facts = {
        "processor": machine.processor,
        "cores": f"{machine.cores} to use, torch runs {machine.threads} threads",
        "memory": "unknown" if machine.memory is None else f"{machine.memory / 2**30:.0f} GiB",
        "instructions": machine.instruction_set + extras,
        "accelerator": ", ".join(machine.accelerators) or "none",
        "torch": f"{machine.torch} on Python {machine.python}",
    }
    for name, value in facts.items():
        print_text(console, f"{name:<14}{value}")


def _print_kernels(console: Console) -> None:
    from ..kernels import KERNELS

    print_text(console, f"{'kernels':<14}{', '.join(kernel.name for kernel in KERNELS)}, asked in this order")
    print_text(console, f"{'cells':<14}{', '.join(cell.name for cell in CELLS)}")
    console.print()
    print_text(
        console,
        "Which kernel would a layer take? For example: keepgate explain --cell lstm --hidden-size 128 --trace",
    )


def _print_report(console: Console, report: "KernelReport") -> None:
    rows: list[Sequence[str]] = []
    for part in report.parts:
        call = f"layer {part.layer} {'reverse' if part.reverse else 'forward'}"
        for choice in part.choices:
            verdict = (
                choice.reason
                if choice.reason is not None
                else "takes it"
                if choice.name == part.kernel
                else "could, and is not needed"
            )
            rows.append((call, choice.name, verdict))
            call = ""
    console.print(table(("call", "kernel", "answer"), rows, words=3))


def _as_json(report: "KernelReport") -> list[dict[str, object]]:
    return [
        {
            "layer": part.layer,
            "direction": "reverse" if part.reverse else "forward",
            "kernel": part.kernel,
            "refusals": {choice.name: choice.reason for choice in part.choices if choice.reason is not None},
        }
        for part in report.parts
    ]
