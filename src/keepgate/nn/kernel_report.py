"""Which kernel takes each part of a layer's call, and why the others do not."""

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ..kernels import Choice
from ..kernels import explain as explain_call
from .input_format import Hidden, Lengths
from .recurrent import Recurrent


@dataclass(frozen=True)
class PlaceKernels:
    """One layer and direction: each kernel with its reason, in the order in which they are asked."""

    layer: int
    reverse: bool
    choices: tuple[Choice, ...]

    @property
    def kernel(self) -> str | None:
        """The kernel that takes the call; None where the one that the layer names refuses it."""
        return next((choice.name for choice in self.choices if choice.reason is None), None)


@dataclass(frozen=True)
class KernelReport:
    """What `explain` found, which shows itself as lines to read."""

    parts: tuple[PlaceKernels, ...]

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        lines = []
        for part in self.parts:
            lines.append(
                f"layer {part.layer}, {'reverse' if part.reverse else 'forward'}: {part.kernel or 'refused'}"
            )
            lines += [f"  {choice.name}: {choice.reason or 'can'}" for choice in part.choices]
        return "\n".join(lines)


def explain_kernels(
    layer: Recurrent,
    input: Tensor | PackedSequence,
    hx: Hidden | None = None,
    *,
    lengths: Lengths | None = None,
    resets: Bool[Tensor, "..."] | None = None,
    trace: bool = False,
) -> KernelReport:
    """Each kernel with its reason, for every layer and direction of `layer(input, hx, …)`, without running it.

    trace: ask about `layer.trace(…)` instead. Where the layer was built with `kernel=`, the others say so.
    Raises what the call itself would raise.
    """
    calls = layer.calls(input, hx, lengths=lengths, resets=resets, trace=trace)
    parts = []
    for index, call in enumerate(calls):
        choices = explain_call(call)
        if layer.kernel is not None:
            named = f"the layer was built with kernel={layer.kernel!r}"
            choices = tuple(Choice(c.name, c.reason if c.name == layer.kernel else named) for c in choices)
        parts.append(PlaceKernels(index // layer.directions, call.reverse, choices))
    return KernelReport(tuple(parts))
