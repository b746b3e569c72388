"""Cells of the literature, each declared in about ten lines, and the loop in torch that each takes the place of."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bench.contenders import Runner, of_layer, ours
from bench.problem import LITERATURE, Mode, Problem
from keepgate.equations import Named


def cell_loop(problem: Problem, mode: Mode) -> Runner:
    """The cell's own equations on tensors, one step after the other, as people write them without keepgate."""
    cell = LITERATURE[problem.cell]

    def by_gate(blocks: Tensor) -> Named:
        return Named(**dict(zip(cell.gates, blocks.chunk(len(cell.gates), -1), strict=True)))

    def recurrent(layer: nn.Module, h: Tensor) -> Named:
        if cell.recurrent == "none":
            return Named()
        weight, bias = layer.weight_hh_l0, layer.bias_hh_l0
        if cell.recurrent == "in_step":
            blocks = (part.chunk(len(cell.gates)) for part in (weight, bias))
            products = (partial(linear, weight=w, bias=b) for w, b in zip(*blocks, strict=True))
            return Named(**dict(zip(cell.gates, products, strict=True)))
        if cell.recurrent == "diagonal":
            return by_gate(torch.addcmul(bias, h.repeat(1, len(cell.gates)), weight))
        return by_gate(linear(h, weight, bias))

    def run(layer: nn.Module, x: Tensor) -> Tensor:
        vectors = Named(**{name: getattr(layer, f"{name}_l0") for name in cell.vectors})
        extra = (vectors,) if cell.vectors else ()
        zeros = x.new_zeros(problem.shape.rows, problem.shape.hidden)
        state = dict.fromkeys(cell.states, zeros)
        output = []
        for wx in linear(x, layer.weight_ih_l0, layer.bias_ih_l0):
            uh = recurrent(layer, state[cell.recurrent_state])
            step = dict(cell.step(by_gate(wx), uh, Named(**state), *extra))
            state = {name: step[name] for name in cell.states}
            output.append(state[cell.states[0]])
        return torch.stack(output)

    return of_layer(ours(problem), problem, mode, run)
