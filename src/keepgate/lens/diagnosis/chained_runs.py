"""Chained runs: the calls of a model that reads its rows piece by piece, as the one run that they make together."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..capture.layer_run import LayerRun, as_hidden, capture_layer


class HandedOn:
    """Forward pre-hook: in which calls of a layer gradients are followed (`enabled`), and in which of them through the
    states that it begins with (`gradients`)."""

    def __init__(self) -> None:
        self.enabled: list[bool] = []
        self.gradients: list[bool] = []

    def __call__(self, _layer: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.enabled.append(torch.is_grad_enabled())
        states = given[1] if len(given) > 1 else named.get("hx")
        states = states if isinstance(states, tuple) else (states,)
        self.gradients.append(any(isinstance(state, Tensor) and state.requires_grad for state in states))


def chains(runs: Sequence[LayerRun], enabled: Sequence[bool]) -> list[list[int]]:
    """The numbers of the runs, each with those that begin where it ends, in order.

    enabled: of which runs gradients are followed: one that only looks is none of a chain.
    """
    chain_list: list[list[int]] = []
    for k, run in enumerate(runs):
        if k > 0 and enabled[k - 1] and enabled[k] and _goes_on(runs[k - 1], run):
            chain_list[-1].append(k)
        else:
            chain_list.append([k])
    return chain_list


def joined(runs: Sequence[LayerRun]) -> LayerRun:
    """The runs of a chain as one."""
    first = runs[0]
    if len(runs) == 1:
        return first
    return capture_layer(first.layer, torch.cat([run.x for run in runs]), as_hidden(first.initial))


def _goes_on(run: LayerRun, following: LayerRun) -> bool:
    """Whether a run of whole rows begins with the states that another has ended with."""
    if run.lengths is not None or following.lengths is not None or run.layer.bidirectional:
        return False
    pairs = list(zip(run.final, following.initial, strict=True))
    if any(end.shape != begin.shape for end, begin in pairs):
        return False
    return any(bool(end.any()) for end, _ in pairs) and all(
        torch.allclose(end, begin, rtol=1e-4, atol=1e-6) for end, begin in pairs
    )
