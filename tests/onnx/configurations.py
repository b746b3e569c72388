"""Random layers with random calls, and what ONNX Runtime makes of their exported files."""

import random

import onnxruntime
import torch

from keepgate import cells
from keepgate.nn import Recurrent


def random_layer(chance: random.Random) -> Recurrent:
    """A layer of any cell, small, with random options."""
    cell = chance.choice(cells.CELLS)
    hidden = chance.randint(2, 9)
    projects = not cell.reads_output and cell.recurrent == "dense" and chance.random() < 0.3
    layer = Recurrent(
        cell, chance.randint(1, 6), hidden, chance.randint(1, 3),
        bias=chance.random() < 0.7, batch_first=chance.random() < 0.5, bidirectional=chance.random() < 0.5,
        proj_size=chance.randint(1, hidden - 1) if projects else 0,
        dtype=chance.choice([torch.float32, torch.float32, torch.float64]),
    )  # fmt: skip
    return layer.eval()


def random_call(layer: Recurrent, chance: random.Random, steps: int, rows: int, keys=None) -> dict:
    """Keyword arguments of a call; keys: which, drawn if None."""
    if keys is None:
        keys = {"input", *(key for key in ("hx", "lengths", "resets") if chance.random() < 0.4)}
    dtype, places = layer.weight_ih_l0.dtype, layer.num_layers * layer.directions
    call = {"input": torch.randn(steps, rows, layer.input_size, dtype=dtype)}
    sizes = [layer.output_size, *[layer.hidden_size] * (len(layer.cell.states) - 1)]
    states = tuple(torch.randn(places, rows, size, dtype=dtype) for size in sizes)
    if layer.cell is cells.slstm:  # whose normaliser is positive and divides
        states = tuple(state.abs() + 0.5 for state in states)
    call["hx"] = states if len(states) > 1 else states[0]
    call["lengths"] = torch.randint(0, steps + 1, (rows,))
    call["resets"] = torch.rand(steps, rows) < 0.3
    if layer.batch_first:
        call |= {key: call[key].transpose(0, 1).contiguous() for key in ("input", "resets")}
    return {key: value for key, value in call.items() if key in keys}


def run_file(file, layer: Recurrent, call: dict) -> list[torch.Tensor]:
    """What ONNX Runtime gives for this call, by a session of its own."""
    hx = call.get("hx")
    feeds = {key: value.numpy() for key, value in call.items() if key != "hx"}
    if hx is not None:
        states = hx if isinstance(hx, tuple) else (hx,)
        feeds |= {f"{name}_0": state.numpy() for name, state in zip(layer.cell.states, states, strict=True)}
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = ["output", *[f"{name}_n" for name in layer.cell.states]]
    return [torch.from_numpy(value) for value in session.run(names, feeds)]
