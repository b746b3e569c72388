"""An example run of a model: its outputs, its time and that of each recurrent layer, before a swap and after."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..errors import ShapeError
from .tensors import absolute_differences, flatten

# Each side has so many turns, one after the other, and its shortest time counts: what else runs on the machine only
# ever adds. A slow model has no further turn once this many seconds are over.
ROUNDS = 7
SECONDS = 5.0
# A turn begins with a run that is not counted, since the other side has left its weights in the caches and its threads
# spinning. So many are counted, fewer where they take longer than these seconds.
RUNS = 4
TURN = 0.2

Run = Callable[[], Any]


class Timing(NamedTuple):
    """The shortest times of a model, in seconds: of the whole, and of each layer that ran, by its name."""

    whole: float
    layers: dict[str, float]


class Difference(NamedTuple):
    """The largest and the mean absolute difference between the numbers of a model's outputs before and after."""

    largest: float
    mean: float


def run_of(model: nn.Module, example: Any) -> Run:
    """The example as a function to call: a tensor or a tuple of arguments, a dict of keywords, or f(model)."""
    if isinstance(example, Mapping):
        return lambda: model(**example)
    if callable(example) and not isinstance(example, Tensor):
        return lambda: example(model)
    arguments = example if type(example) in (tuple, list) else (example,)
    return lambda: model(*arguments)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Without gradients and dropout; each module's mode is put back."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def compare_runs(
    run: Run, layers: Mapping[str, nn.Module], to_ours: Callable[[], None], to_theirs: Callable[[], None]
) -> tuple[Timing, Timing, Difference]:
    """(before, after, difference of the outputs). The model is torch's when it begins and when it ends."""
    with seeded():
        before = outputs(run())
    to_ours()
    try:
        with seeded():
            after = outputs(run())
    finally:
        to_theirs()
    difference = output_difference(before, after)
    timings: tuple[list[Timing], list[Timing]] = [], []
    began = perf_counter()
    while len(timings[0]) < ROUNDS and (len(timings[0]) < 2 or perf_counter() - began < SECONDS):
        timings[0].append(_timed(run, layers))
        to_ours()
        try:
            timings[1].append(_timed(run, layers))
        finally:
            to_theirs()
    return _shortest(timings[0]), _shortest(timings[1]), difference


@contextmanager
def seeded() -> Iterator[None]:
    """With torch's random numbers beginning anew, and going on afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _timed(run: Run, layers: Mapping[str, nn.Module]) -> Timing:
    """The shortest times of one turn."""
    timings: list[Timing] = []
    seconds: dict[str, float] = {}
    began: list[float] = []

    def start(*_: Any) -> None:
        began.append(perf_counter())

    def stop_of(name: str) -> Callable[..., None]:
        def stop(*_: Any) -> None:
            seconds[name] = seconds.get(name, 0.0) + perf_counter() - began.pop()

        return stop

    handles = [layer.register_forward_pre_hook(start) for layer in layers.values()]
    handles += [layer.register_forward_hook(stop_of(name)) for name, layer in layers.items()]
    try:
        turn = perf_counter()
        while len(timings) <= RUNS and (len(timings) < 2 or perf_counter() - turn < TURN):
            seconds.clear()
            with seeded():
                before = perf_counter()
                run()
                timings.append(Timing(whole=perf_counter() - before, layers=dict(seconds)))
        return _shortest(timings[1:])
    finally:
        for handle in handles:
            handle.remove()


def _shortest(timings: Sequence[Timing]) -> Timing:
    names = timings[0].layers
    return Timing(
        whole=min(timing.whole for timing in timings),
        layers={name: min(timing.layers.get(name, float("inf")) for timing in timings) for name in names},
    )


def outputs(result: Any) -> list[Tensor]:
    """Every tensor of what a model returned, in its order, copied."""
    return [tensor.detach().clone() for _, tensor in flatten(result, "")]


def output_difference(before: Sequence[Tensor], after: Sequence[Tensor]) -> Difference:
    """The difference of two runs' outputs: NaN where a number is NaN in one alone, 0 without numbers.

    Raises ShapeError for outputs of other shapes.
    """
    shapes = [[tuple(tensor.shape) for tensor in tensors] for tensors in (before, after)]
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"the model gave outputs of shapes {shapes[0]} before its layers changed and {shapes[1]} after; these "
            "depend on more than the example: give example=f, and let f(model) set the model's state before it calls it"
        )
    gaps = [absolute_differences(*pair).flatten() for pair in zip(before, after, strict=True)]
    every = torch.cat(gaps) if gaps else torch.zeros(0)
    return Difference(float(every.max()), float(every.mean())) if every.numel() else Difference(0.0, 0.0)
