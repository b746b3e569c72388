"""Measures the layers against torch.nn's in one run: rectangles, ragged rows against packed ones, and the trace.

    python bench/layers.py [--threads 1]

Agreement is checked first. Every figure is a ratio of medians over rounds that take turns; times are for orientation.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import machine
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

import keepgate

RESULTS = Path(__file__).parent / "results" / "layers.json"
SHAPES = [(100, 32, 128, 128), (400, 16, 64, 64)]
LAYERS = ["LSTM", "GRU", "RNN"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = [one(name, shape, options.rounds) for name in LAYERS for shape in SHAPES]
    print("| layer | steps, rows, input, hidden | rectangle | ragged, both ways | trace, inference |")
    print("| --- | --- | --- | --- | --- |")
    for row in rows:
        print("| {layer} | {shape} | {rectangle:.2f} | {ragged:.2f} | {trace:.2f} |".format(**row))
    print("rectangle, ragged: torch.nn's time for a training step ÷ ours (ragged: against a PackedSequence);")
    print("trace: time of layer.trace(x) ÷ layer(x), both without gradients")
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"machine": machine(), "threads": options.threads, "rounds": options.rounds, "rows": rows}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def one(name: str, shape: tuple[int, int, int, int], rounds: int) -> dict[str, object]:
    steps, rows, inputs, hidden = shape
    torch.manual_seed(0)
    x = torch.randn(steps, rows, inputs)
    lengths = torch.randint(1, steps + 1, (rows,))
    theirs, ours = getattr(nn, name)(inputs, hidden), getattr(keepgate, name)(inputs, hidden)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], atol=3e-6, rtol=0)
    both = [
        getattr(nn, name)(inputs, hidden, bidirectional=True),
        getattr(keepgate, name)(inputs, hidden, bidirectional=True),
    ]
    both[1].load_state_dict(both[0].state_dict())

    def packed() -> Tensor:
        return both[0](pack_padded_sequence(x, lengths, enforce_sorted=False))[0].data

    torch.testing.assert_close(both[1](x, lengths=lengths)[0].sum(), packed().sum(), atol=1e-2, rtol=1e-4)
    rectangle = ratio(training(theirs, lambda: theirs(x)[0]), training(ours, lambda: ours(x)[0]), rounds)
    ragged = ratio(
        training(both[0], packed), training(both[1], lambda: both[1](x, lengths=lengths)[0]), rounds
    )  # fmt: skip
    with torch.no_grad():
        trace = ratio(lambda: ours.trace(x), lambda: ours(x), rounds)
    return {
        "layer": name,
        "shape": ", ".join(map(str, shape)),
        "rectangle": rectangle,
        "ragged": ragged,
        "trace": trace,
    }


def training(layer: nn.Module, output: Callable[[], Tensor]) -> Callable[[], None]:
    def step() -> None:
        layer.zero_grad()
        output().sum().backward()

    return step


def ratio(first: Callable[[], object], second: Callable[[], object], rounds: int) -> float:
    """Median time of the first ÷ median time of the second, taking turns."""
    times: dict[int, list[float]] = {0: [], 1: []}
    for turn in range(rounds + 2):
        for index, call in enumerate((first, second)):
            started = time.perf_counter()
            call()
            if turn >= 2:
                times[index].append(time.perf_counter() - started)
    return round(statistics.median(times[0]) / statistics.median(times[1]), 3)


if __name__ == "__main__":
    main()
