"""The ONNX operator that a cell names is that very cell: by ONNX's reference evaluator and by onnxruntime."""

import onnx
import onnxruntime
import pytest
import torch
from onnx import reference

from keepgate.cells import CELLS, gru, gru_reset_before, lstm, peephole, rnn_tanh
from keepgate.equations import Cell
from tests.cells.one_step import one_step


def operator(cell: Cell, x_TBI, states, weights):
    """The operator as a model, and what to feed it, with our gates put into the operator's order by name."""
    hidden = weights["weight_hh"].shape[1]
    blocks = [cell.gates.index(gate) for gate in cell.onnx.gates.split()]
    rows = torch.cat([torch.arange(b * hidden, (b + 1) * hidden) for b in blocks])
    bias = torch.cat([weights["bias_ih"][rows], weights["bias_hh"][rows]])
    inputs = {
        "X": x_TBI,
        "W": weights["weight_ih"][rows][None],
        "R": weights["weight_hh"][rows][None],
        "B": bias[None],
    }
    first = {f"initial_{state}": value[None] for state, value in states.items()}
    if cell.vectors:
        first["P"] = torch.cat([weights[vector] for vector in cell.onnx.vectors.split()])[None]
    attributes = {"linear_before_reset": cell.onnx.linear_before_reset, "activations": cell.onnx.activations}
    node = onnx.helper.make_node(
        cell.onnx.operator,
        [*inputs, "", *first],
        ["Y"],
        hidden_size=hidden,
        **{name: value for name, value in attributes.items() if value is not None},
    )
    info = onnx.helper.make_tensor_value_info
    kind = onnx.helper.np_dtype_to_tensor_dtype(x_TBI.numpy().dtype)
    graph = onnx.helper.make_graph(
        [node], cell.name, [info(n, kind, None) for n in (*inputs, *first)], [info("Y", kind, None)]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)
    return model, {name: value.numpy() for name, value in (inputs | first).items()}


def random_call(cell, dtype):
    steps, batch, inputs, hidden = 4, 3, 2, 5
    rows = len(cell.gates) * hidden
    shapes = {
        "weight_ih": (rows, inputs),
        "weight_hh": (rows, hidden),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
    }
    shapes |= dict.fromkeys(cell.vectors, (hidden,))
    weights = {name: torch.randn(shape, dtype=dtype) / 2 for name, shape in shapes.items()}
    states = {state: torch.randn(batch, hidden, dtype=dtype) for state in cell.states}
    return torch.randn(steps, batch, inputs, dtype=dtype), states, weights


def step_by_step(cell, x_TBI, states, weights):
    outputs = []
    for x_BI in x_TBI:
        step = one_step(cell, x_BI, states, **weights)
        states = {state: step[state] for state in cell.states}
        outputs.append(step["h"])
    return torch.stack(outputs)


# ONNX's evaluator knows no Relu in an RNN; onnxruntime does.
@pytest.mark.parametrize(
    "cell", [rnn_tanh, lstm, gru, gru_reset_before, peephole], ids=lambda cell: cell.name
)
def test_the_operator_named_is_the_cell(cell):
    call = random_call(cell, torch.float64)
    model, feeds = operator(cell, *call)
    (theirs,) = reference.ReferenceEvaluator(model).run(None, feeds)
    torch.testing.assert_close(
        step_by_step(cell, *call), torch.from_numpy(theirs)[:, 0], rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.onnx], ids=lambda cell: cell.name)
def test_onnxruntime_computes_the_cell_by_the_operator_named(cell):
    call = random_call(cell, torch.float32)
    model, feeds = operator(cell, *call)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, feeds)
    torch.testing.assert_close(
        step_by_step(cell, *call), torch.from_numpy(theirs)[:, 0], rtol=1e-5, atol=1e-6
    )
