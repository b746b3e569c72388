"""Layers and steppers whose weights are float32, bfloat16 or int8, and what the rounded weights give in float64."""

import numpy as np
import torch
from torch import Tensor, nn

import keepgate
from bench.agreement import rounded
from bench.contenders import Runner, keepgate_frozen, of_layer, ours
from bench.problem import Problem
from keepgate.arrays.narrow import NarrowMatrix, WeightFormat


def truth(problem: Problem, weights: WeightFormat | None) -> dict[str, Tensor]:
    """The output of the reference in float64 with the weights rounded to a format; None: as they are."""
    layer = ours(problem, kernel="reference")
    with torch.no_grad():
        for weight in layer.parameters() if weights else ():
            if weight.dim() == 2:
                weight.copy_(torch.from_numpy(NarrowMatrix.of(weight.numpy(), weights).widened()))
    runner = rounded(of_layer(layer.double(), problem.exact, "inference", _output))
    runner.call()
    return runner.results()


def layer(problem: Problem, weights: WeightFormat | None) -> Runner:
    """A layer with weights in that format; None: float32, frozen, as narrow weights are."""
    if weights is None:
        return keepgate_frozen(problem, "inference")
    return of_layer(_quantized(problem, weights), problem, "inference", _output)


def stepper(problem: Problem, weights: WeightFormat | None) -> Runner:
    """One step after the other of the same layer's stepper, on numpy."""
    stepping = (_quantized(problem, weights) if weights else ours(problem)).stepper(batch=problem.shape.rows)
    x, left = problem.x_TBI[0].numpy(), dict[str, np.ndarray]()

    def call() -> None:
        left["output"] = stepping.step(x)

    return Runner(
        call=call, before=None, results=lambda: {"output": torch.from_numpy(left["output"].copy())[None]}
    )


def _output(layer: nn.Module, x: Tensor) -> Tensor:
    output: Tensor = layer(x)[0]
    return output


def _quantized(problem: Problem, weights: WeightFormat) -> nn.Module:
    quantized = ours(problem)
    keepgate.quantize(quantized, weights)
    return quantized
