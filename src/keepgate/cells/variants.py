"""LSTM, GRU and RNN as files of other libraries ask for them: other activations, clipped sums, coupled gates; MGU.

Each is declared in the language of cells when it is first asked for, so that kernels, traces, the lens and exports take
it as any other. The equations are those of ONNX's LSTM, GRU and RNN (operators of onnx.ai); with nothing changed they
are `lstm`, `coupled_lstm`, `peephole`, `gru`, `gru_reset_before`, `rnn_tanh` and `rnn_relu`, and those come back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, NamedTuple

from ..equations import (
    Cell,
    Named,
    Step,
    cell,
    exp,
    greater,
    maximum,
    minimum,
    relu,
    sigmoid,
    softplus,
    tanh,
    where,
)
from ..errors import CellError, nearest_first
from .coupled_lstm import coupled_lstm
from .gru import GRU_LETTERS, gru
from .gru_reset_before import gru_reset_before
from .lstm import LSTM_LETTERS, lstm
from .peephole import peephole
from .rnn import RNN_LETTERS, rnn_relu, rnn_tanh


class ActivationKind(NamedTuple):
    """An activation with its two numbers. constants: their defaults, None for one that the activation has not."""

    function: Callable[[Any, Any, Any], Any]
    alpha: float | None = None
    beta: float | None = None


# By ONNX's names, those of its recurrent operators first.
ACTIVATIONS: Mapping[str, ActivationKind] = {
    "Tanh": ActivationKind(lambda x, a, b: tanh(x)),
    "Sigmoid": ActivationKind(lambda x, a, b: sigmoid(x)),
    "Relu": ActivationKind(lambda x, a, b: relu(x)),
    "Affine": ActivationKind(lambda x, a, b: a * x + b, 1.0, 0.0),
    "LeakyRelu": ActivationKind(lambda x, a, b: relu(x) + a * minimum(x, 0.0), 0.01),
    "ThresholdedRelu": ActivationKind(lambda x, a, b: where(greater(x, a), x, 0.0), 1.0),
    "ScaledTanh": ActivationKind(lambda x, a, b: a * tanh(b * x), 1.0, 1.0),
    "HardSigmoid": ActivationKind(lambda x, a, b: maximum(minimum(a * x + b, 1.0), 0.0), 0.2, 0.5),
    "Elu": ActivationKind(lambda x, a, b: relu(x) + a * (exp(minimum(x, 0.0)) - 1.0), 1.0),
    "Softsign": ActivationKind(lambda x, a, b: x / (1.0 + abs(x))),
    "Softplus": ActivationKind(lambda x, a, b: softplus(x)),
    "Identity": ActivationKind(lambda x, a, b: x),
    "Exp": ActivationKind(lambda x, a, b: exp(x)),
    "Selu": ActivationKind(
        lambda x, a, b: b * (relu(x) + a * (exp(minimum(x, 0.0)) - 1.0)), 1.6732632423543772, 1.0507009873554805
    ),
    "Relu6": ActivationKind(lambda x, a, b: minimum(relu(x), 6.0)),
    "Swish": ActivationKind(lambda x, a, b: x * sigmoid(x)),
    "Mish": ActivationKind(lambda x, a, b: x * tanh(softplus(x))),
}  # fmt: skip


class Activation(NamedTuple):
    """One of `ACTIVATIONS`, by name; alpha and beta are its defaults where they are None."""

    name: str
    alpha: float | None = None
    beta: float | None = None

    def __call__(self, x: Any) -> Any:
        """Its value. Raises CellError for a name that is not known."""
        kind = ACTIVATIONS.get(self.name)
        if kind is None:
            raise CellError(
                f"there is no activation {self.name!r}; known are {', '.join(nearest_first(self.name, ACTIVATIONS))}"
            )
        alpha = kind.alpha if self.alpha is None else self.alpha
        beta = kind.beta if self.beta is None else self.beta
        return kind.function(x, alpha, beta)


TANH, SIGMOID, RELU = Activation("Tanh"), Activation("Sigmoid"), Activation("Relu")


@dataclass(frozen=True, kw_only=True, repr=False)
class VariantCell(Cell):
    """A cell that a function of this module declares; pickled as that call.

    made_by: the function, and what it was called with.
    """

    made_by: tuple[Callable[..., Cell], tuple[Any, ...]]

    def __reduce__(self) -> tuple[Callable[..., Cell], tuple[Any, ...]]:
        return self.made_by


@cache
def lstm_variant(
    gate: Activation = SIGMOID,
    candidate: Activation = TANH,
    output: Activation = TANH,
    clip: float | None = None,
    coupled: bool = False,
    peepholes: bool = False,
) -> Cell:
    """An LSTM whose gates, candidate and output have these activations.

    clip:      bounds what the activations of gates and candidate are given to [-clip, clip]; None for none. The memory
               is not bounded: that is how ONNX Runtime reads the operator.
    coupled:   the forget gate is 1 - i, and has no weights (`input_forget` of ONNX).
    peepholes: as in `peephole`, with the vectors p_i, p_f, p_o.
    """
    if (gate, candidate, output, clip) == (SIGMOID, TANH, TANH, None) and not (coupled and peepholes):
        return coupled_lstm if coupled else peephole if peepholes else lstm
    bounded = _clipping(clip)
    gates = ("i", "g", "o") if coupled else ("i", "f", "g", "o")

    def step(wx: Named, uh: Named, s: Named, v: Named | None = None) -> Step:
        def seen(name: str, memory: Any) -> Any:
            sums = getattr(wx, name) + getattr(uh, name)
            return sums if v is None else sums + getattr(v, f"p_{name}") * memory

        i = gate(bounded(seen("i", s.c)))
        f = 1.0 - i if coupled else gate(bounded(seen("f", s.c)))
        g = candidate(bounded(wx.g + uh.g))
        c = f * s.c + i * g
        o = gate(bounded(seen("o", c)))
        h = o * output(c)
        return Step(h=h, c=c, i=i, f=f, g=g, o=o)

    vectors = " ".join(f"p_{name}" for name in gates if name != "g") if peepholes else ""
    step.__name__ = "lstm_variant"
    declared = cell(gates=" ".join(gates), states="h c", vectors=vectors, letters=LSTM_LETTERS)(step)
    return variant(declared, lstm_variant, gate, candidate, output, clip, coupled, peepholes)


@cache
def gru_variant(
    gate: Activation = SIGMOID,
    candidate: Activation = TANH,
    clip: float | None = None,
    reset_before: bool = False,
) -> Cell:
    """A GRU whose gates and candidate have these activations; h_t = (1 - z) n + z h_{t-1}.

    clip:         as in `lstm_variant`.
    reset_before: the reset gate acts on h_{t-1}, as in `gru_reset_before`, not on its product.
    """
    if (gate, candidate, clip) == (SIGMOID, TANH, None):
        return gru_reset_before if reset_before else gru
    bounded = _clipping(clip)

    def reset_after_step(wx: Named, uh: Named, s: Named) -> Step:
        r = gate(bounded(wx.r + uh.r))
        z = gate(bounded(wx.z + uh.z))
        n = candidate(bounded(wx.n + r * uh.n))
        return Step(h=(1.0 - z) * n + z * s.h, r=r, z=z, n=n)

    def reset_before_step(wx: Named, u: Named, s: Named) -> Step:
        r = gate(bounded(wx.r + u.r(s.h)))
        z = gate(bounded(wx.z + u.z(s.h)))
        n = candidate(bounded(wx.n + u.n(r * s.h)))
        return Step(h=(1.0 - z) * n + z * s.h, r=r, z=z, n=n)

    step = reset_before_step if reset_before else reset_after_step
    step.__name__ = "gru_variant"
    declared = cell(gates="r z n", recurrent="in_step" if reset_before else "dense", letters=GRU_LETTERS)(
        step
    )
    return variant(declared, gru_variant, gate, candidate, clip, reset_before)


@cache
def rnn_variant(activation: Activation = TANH, clip: float | None = None) -> Cell:
    """A plain RNN with this activation. clip: as in `lstm_variant`."""
    if clip is None and activation in (TANH, RELU):
        return rnn_tanh if activation == TANH else rnn_relu
    bounded = _clipping(clip)

    def step(wx: Named, uh: Named, s: Named) -> Step:
        return Step(h=activation(bounded(wx.a + uh.a)))

    step.__name__ = "rnn_variant"
    return variant(cell(gates="a", letters=RNN_LETTERS)(step), rnn_variant, activation, clip)


MGU_LETTERS = {"f": "forget gate", "n": "candidate", "h": "hidden state"}


@cell(gates="f n", letters=MGU_LETTERS)
def mgu(wx: Named, uh: Named, s: Named) -> Step:
    """Minimal gated unit: Zhou et al. (2016), arXiv:1603.09420, as Flax's MGUCell.

    An open f keeps, where in the paper it writes. The reset acts on the product, as in `gru`.
    """
    f = sigmoid(wx.f + uh.f)
    n = tanh(wx.n + f * uh.n)
    return Step(h=(1 - f) * n + f * s.h, f=f, n=n)


@cell(gates="f n", letters=MGU_LETTERS)
def mgu_without_reset(wx: Named, uh: Named, s: Named) -> Step:
    """The same without the reset, as Flax's MGUCell(reset_gate=False)."""
    f = sigmoid(wx.f + uh.f)
    n = tanh(wx.n + uh.n)
    return Step(h=(1 - f) * n + f * s.h, f=f, n=n)


def _clipping(clip: float | None) -> Callable[[Any], Any]:
    if clip is None:
        return lambda x: x
    return lambda x: maximum(minimum(x, clip), -clip)


def variant(declared: Cell, maker: Callable[..., Cell], *arguments: Any) -> VariantCell:
    """The declared cell, pickled as this call of the function that declares it."""
    values = {entry.name: getattr(declared, entry.name) for entry in fields(declared)}
    return VariantCell(**values, made_by=(maker, arguments))
