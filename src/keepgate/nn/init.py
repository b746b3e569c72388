"""Initial weights, the keeping gate's bias among them, each with its source."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..equations import Cell
from ..equations.gates import GateBias


@torch.no_grad()
def initialise(
    cell: Cell,
    weights: dict[str, Tensor],
    hidden_size: int,
    *,
    init: str,
    horizon: float | None,
    forget_bias: float | None,
) -> None:
    """Fills one layer's weights in place. `weights` are named as Call names them.

    "torch":      everything uniform within ±1/√hidden, as torch.nn (the same numbers from the same seed).
    "orthogonal": input weights Glorot-uniform a gate block, recurrent weights orthogonal a gate block, biases 0.
                  Saxe et al. (2014), arXiv:1312.6120; Glorot & Bengio (2010).
    "chrono":     orthogonal, and memories spread over 1 to `horizon` steps: the keeping gate's bias is
                  log U[1, horizon - 1], the writing gate's its negative. Tallec & Ollivier (2018), arXiv:1804.11188.
    Of a cell that normalises, scales begin at 1 and what is added to them at 0.
    forget_bias:  the log-odds of the keeping gate at zero input and state, in an LSTM the total bias of f. Jozefowicz
                  et al. (2015): 1 for an LSTM.
    What a step itself adds to a bias is subtracted; where a vector sets the gate, the layer's biases are 0. Where a
    gate's complement keeps or writes (1 - z in a minGRU), its bias has the other sign; of a share, f / (f + i) in the
    minLSTM, f's is the log-odds and i's its negative; of the sLSTM's stabilised f, i's is 0; a hard sigmoid has the
    value that the sigmoid would have.
    """
    if init == "torch":
        bound = 1 / math.sqrt(hidden_size) if hidden_size else 0.0  # a cell without units
        for weight in weights.values():
            nn.init.uniform_(weight, -bound, bound)
    else:
        for name, weight in weights.items():
            _fill(name, weight, len(cell.gates))
    for name in cell.vectors:
        if name.startswith("gamma_"):  # scale and shift after a normalisation
            nn.init.ones_(weights[name])
        elif name.startswith(("beta_", "b_")):
            nn.init.zeros_(weights[name])
    if horizon is not None:
        memory = torch.empty(hidden_size).uniform_(1, horizon - 1).log()
        _set_gate(cell, weights, cell.analysis.retain_bias, memory)
        if cell.analysis.input_bias is not None:
            _set_gate(cell, weights, cell.analysis.input_bias, -memory)
    if forget_bias is not None:
        _set_gate(cell, weights, cell.analysis.retain_bias, torch.full((hidden_size,), float(forget_bias)))


def _fill(name: str, weight: Tensor, gates: int) -> None:
    if name.startswith("bias"):
        nn.init.zeros_(weight)
    elif weight.dim() == 1:
        nn.init.uniform_(weight, -1 / math.sqrt(len(weight)), 1 / math.sqrt(len(weight)))
    elif name == "weight_hr":
        nn.init.orthogonal_(weight)
    else:
        for block in weight.chunk(gates):
            nn.init.orthogonal_(block) if name == "weight_hh" else nn.init.xavier_uniform_(block)


def _set_gate(
    cell: Cell, weights: dict[str, Tensor], biases: tuple[GateBias, ...] | None, log_odds: Tensor
) -> None:
    """The total biases with which a gate has these log-odds: all of each in bias_ih, none in bias_hh."""
    assert biases is not None
    log_odds = log_odds.to(weights["weight_ih"].device)
    for bias in biases:
        vectors = {name: weights[name] for name in cell.vectors if name != bias.name}
        total = bias.total(log_odds, vectors)
        if bias.name in cell.vectors:
            weights[bias.name].copy_(total)
            for name in weights.keys() & {"bias_ih", "bias_hh"}:  # the gate has them too
                weights[name].zero_()
            continue
        index = cell.gates.index(bias.name)
        weights["bias_ih"].chunk(len(cell.gates))[index].copy_(total)
        if "bias_hh" in weights:
            weights["bias_hh"].chunk(len(cell.gates))[index].zero_()


class SkipInit(TorchFunctionMode):
    """Mode in which torch.nn.init fills nothing: layers are built for their shapes, or for weights to be loaded.

    On the meta device there is nothing to fill, and torch would import its compiler to find that out, which takes
    longer than building the layers. As torch.nn.utils.skip_init, for whole models.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = dict(kwargs or {})
        if getattr(func, "__module__", None) == "torch.nn.init":
            return options.get("tensor", args[0] if args else None)
        return func(*args, **options)
