"""The C++ core against what was neither written nor derived here: numbers worked by hand, and onnxruntime."""

from math import log

import onnx
import onnxruntime
import pytest
import torch

from keepgate import cells
from keepgate.kernels import Call, run
from tests.kernels.calls import COMPILED, DTYPES, made
from tests.oracles import agrees

LN2, LN3 = log(2), log(3)

# One unit, one step, the sums written out in tests/cells/test_papers.py: x, states before, weights, what comes out.
BY_HAND = {
    "rnn_tanh": (
        2.0, [0.5], {"weight_ih": [LN2], "bias_ih": [LN3], "weight_hh": [-4 * LN2], "bias_hh": [0.0]}, {"h": 4 / 5},
    ),
    "lstm": (
        2.0, [0.5, 2 * LN2 - 0.9],
        {
            "weight_ih": [LN3, 1.0, 0.0, 0.0], "bias_ih": [0.0, -1.0, LN2, -2 * LN3],
            "weight_hh": [-2 * LN3, -4.0, 2 * LN2, 0.0], "bias_hh": [0.0, 1.0, -LN2, LN3],
        },
        {"h": 3 / 20, "c": LN2, "i": 3 / 4, "f": 1 / 2, "g": 3 / 5, "o": 1 / 4},
    ),
    "gru": (
        1.0, [0.2],
        {
            "weight_ih": [1.0, 0.0, LN2], "bias_ih": [0.0, LN3, -LN2],
            "weight_hh": [-5.0, 5.0, 5 * LN2], "bias_hh": [0.0, -1.0, LN2],
        },
        {"h": 3 / 10, "r": 1 / 2, "z": 3 / 4, "n": 3 / 5},
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_worked_by_hand(name, dtype):
    x, states, weights, expected = BY_HAND[name]
    shapes = {"weight_ih": (-1, 1), "weight_hh": (-1, 1), "bias_ih": (-1,), "bias_hh": (-1,)}
    call = Call(
        cell=cells.by_name(name),
        x=torch.full((1, 1, 1), x, dtype=dtype),
        states=tuple(torch.full((1, 1), state, dtype=dtype) for state in states),
        trace=True,
        **{key: torch.tensor(value, dtype=dtype).reshape(shapes[key]) for key, value in weights.items()},
    )
    kept = run(call, "cpu").traced
    found = {key: value.item() for key, value in kept.items()}
    assert found == pytest.approx(expected, rel=1e-6 if dtype == torch.float32 else 1e-12)


def test_relu_by_hand():
    # Two units, two inputs: a = (7, -3), h = relu(a) = (7, 0). Worked in tests/cells/test_papers.py.
    call = Call(
        cell=cells.rnn_relu,
        x=torch.tensor([[[1.0, 2.0]]]),
        states=(torch.tensor([[3.0, 1.0]]),),
        weight_ih=torch.tensor([[1.0, 0.0], [-2.0, 1.0]]),
        weight_hh=torch.tensor([[1.0, 2.0], [0.0, -4.0]]),
        bias_ih=torch.tensor([1.0, 0.0]),
        bias_hh=torch.tensor([0.0, 1.0]),
    )
    assert run(call, "cpu").output.tolist() == [[[7.0, 0.0]]]


def onnx_model(call, direction):
    """The ONNX operator that is this cell, with our gates in its order, and what to feed it."""
    named, hidden = call.cell.onnx, call.hidden_size
    blocks = [call.cell.gates.index(gate) for gate in named.gates.split()]
    rows = torch.cat([torch.arange(b * hidden, (b + 1) * hidden) for b in blocks])
    feeds = {
        "X": call.x, "W": call.weight_ih[rows][None], "R": call.weight_hh[rows][None],
        "B": torch.cat([call.bias_ih[rows], call.bias_hh[rows]])[None], "L": call.lengths.int(),
        **{f"initial_{name}": state[None] for name, state in zip(call.cell.states, call.states, strict=True)},
    }  # fmt: skip
    attributes = {"linear_before_reset": named.linear_before_reset, "activations": named.activations}
    outputs = ["Y", *[f"Y_{name}" for name in call.cell.states]]
    node = onnx.helper.make_node(
        named.operator, list(feeds), outputs, hidden_size=hidden, direction=direction,
        **{name: value for name, value in attributes.items() if value is not None},
    )  # fmt: skip
    feeds = {name: value.detach().numpy() for name, value in feeds.items()}

    def info(name, value):
        dtype = onnx.helper.np_dtype_to_tensor_dtype(value.dtype)
        return onnx.helper.make_tensor_value_info(name, dtype, None)

    graph = onnx.helper.make_graph(
        [node],
        call.cell.name,
        [info(name, value) for name, value in feeds.items()],
        [info(name, feeds["X"]) for name in outputs],
    )
    opset = onnx.helper.make_opsetid("", 14)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), feeds


@pytest.mark.parametrize("direction", ["forward", "reverse"])
@pytest.mark.parametrize(
    "cell", [cell for cell in COMPILED if cell.onnx and not cell.vectors], ids=lambda cell: cell.name
)
def test_onnxruntime(cell, direction):
    for sizes in ((7, 5, 3, 9), (40, 3, 17, 33), (9, 1, 64, 64)):
        lengths = torch.tensor([sizes[0], 1, sizes[0] // 2, 3, 6][: sizes[1]])
        call = made(cell, *sizes, dtype=torch.float32, lengths=lengths, reverse=direction == "reverse")
        model, feeds = onnx_model(call, direction)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        output, *final = (torch.from_numpy(value)[..., 0, :, :] for value in session.run(None, feeds))
        ours = run(call, "cpu")
        for mine, other in zip([ours.output, *ours.final], [output, *final], strict=True):
            agrees(mine, other)
