"""Random ONNX graphs: recurrent nodes with every attribute, the usual nodes around them, and inputs for them."""

import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_KINDS = {"LSTM": 3, "GRU": 2, "RNN": 1}
# Each with its alpha and beta, where it has them.
_ACTIVATIONS = [
    ("Relu", None, None), ("Tanh", None, None), ("Sigmoid", None, None), ("Affine", 0.7, 0.1), ("LeakyRelu", 0.2, None),
    ("ThresholdedRelu", 0.3, None), ("ScaledTanh", 0.9, 0.6), ("HardSigmoid", 0.25, 0.4), ("Elu", 0.8, None),
    ("Softsign", None, None), ("Softplus", None, None),
]  # fmt: skip


class Graph:
    """Nodes and initializers while a graph is drawn. value: what the last node gives; layers: its recurrent nodes."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.numbers = chance, np.random.default_rng(chance.randrange(1 << 30))
        self.nodes, self.initializers, self.inputs, self.feeds = [], [], [], {}
        self.steps, self.rows = chance.randint(1, 6), chance.randint(1, 4)
        self.layers: list[str] = []

    def node(self, operator, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{place}" for place in range(outputs)]
        self.nodes.append(
            helper.make_node(operator, inputs, names, f"{operator}.{len(self.nodes)}", **attributes)
        )
        return names[0] if outputs == 1 else names

    def weight(self, *shape):
        return self.constant(self.numbers.uniform(-0.8, 0.8, shape).astype(np.float32))

    def constant(self, array):
        name = f"w.{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def input(self, name, array, dims):
        self.inputs.append(
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), dims)
        )
        self.feeds[name] = array
        return name

    def maybe(self, share=0.5):
        return self.chance.random() < share


def random_graph(seed: int) -> tuple[onnx.ModelProto, dict[str, np.ndarray], list[str]]:
    """A model, an input for each of its inputs, and the names of its recurrent nodes."""
    graph = Graph(random.Random(seed))
    chance = graph.chance
    width = chance.randint(1, 5)
    value = _start(graph, width)
    lengths = None
    if graph.maybe(0.4):
        counts = graph.numbers.integers(0, graph.steps + 1, graph.rows).astype(np.int32)
        lengths = graph.input("lengths", counts, ["batch"])
    outputs = []
    for layer in range(chance.choice([1, 1, 2])):
        hidden, value, states = _recurrent(graph, value, width, lengths, f"layer{layer}")
        outputs += states
        width = hidden
        value = _between(graph, value, width)
    value, width = _head(graph, value, width)
    outputs = [value, *[name for name in outputs if graph.maybe(0.6)]]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    proto = helper.make_graph(graph.nodes, "random", graph.inputs, infos, graph.initializers)
    opset = chance.choice([14, 15, 17])
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model, graph.feeds, graph.layers


def _start(graph, width):
    """[time, batch, width], of tokens or of numbers, the batch first or not."""
    chance = graph.chance
    first = graph.maybe()
    dims = (graph.rows, graph.steps) if first else (graph.steps, graph.rows)
    names = ["batch", "time"] if first else ["time", "batch"]
    if graph.maybe():
        tokens = graph.input("tokens", graph.numbers.integers(0, 7, dims), names)
        value = graph.node("Gather", graph.weight(7, width), tokens, axis=0)
    else:
        value = graph.input(
            "x", graph.numbers.normal(size=(*dims, width)).astype(np.float32), [*names, width]
        )
    for _ in range(chance.randint(0, 2)):
        value = _elementwise(graph, value, width)
    return graph.node("Transpose", value, perm=[1, 0, 2]) if first else value


def _elementwise(graph, value, width):
    match graph.chance.randrange(9):
        case 0:
            return graph.node(graph.chance.choice(["Add", "Sub", "Mul"]), value, graph.weight(width))
        case 1:
            return graph.node(
                graph.chance.choice(["Tanh", "Sigmoid", "Relu", "Softsign", "Neg", "Abs"]), value
            )
        case 2:
            bounds = (graph.constant(np.float32(-0.5)), graph.constant(np.float32(0.7)))
            return graph.node("Clip", value, *bounds)
        case 3:
            return graph.node(graph.chance.choice(["LeakyRelu", "Elu"]), value, alpha=0.3)
        case 4:
            return graph.node("MatMul", value, graph.weight(width, width))
        case 5:
            return graph.node("Dropout", value)
        case 6:
            return graph.node("Div", value, graph.constant(np.float32(1.7)))
        case 7:
            parts = graph.node("Split", value, graph.ints(0, width), axis=2, outputs=2)
            return graph.node("Concat", *parts[::-1], axis=-1)
        case _:
            shape = graph.node("Shape", value)
            return graph.node("Reshape", graph.node("Flatten", value, axis=2), shape)


def _recurrent(graph, value, width, lengths, name):
    """The size and name of an output [time, batch, directions · hidden], and the names of the final states."""
    chance = graph.chance
    operator, hidden = chance.choice(["LSTM", "GRU", "RNN"]), chance.randint(1, 5)
    direction = chance.choice(["forward", "reverse", "bidirectional"])
    both = 2 if direction == "bidirectional" else 1
    rows = _GATES[operator] * hidden
    inputs = [value, graph.weight(both, rows, width), graph.weight(both, rows, hidden)]
    inputs.append(graph.weight(both, 2 * rows) if graph.maybe(0.7) else "")
    inputs.append(lengths or "")
    states = 2 if operator == "LSTM" else 1
    for state in range(states):
        if graph.maybe(0.4):
            numbers = graph.numbers.uniform(-1, 1, (both, graph.rows, hidden)).astype(np.float32)
            inputs.append(graph.input(f"{name}_state{state}", numbers, [both, "batch", hidden]))
        else:
            inputs.append("")
    attributes = {"hidden_size": hidden, "direction": direction}
    if operator == "LSTM":
        inputs.append(graph.weight(both, 3 * hidden) if graph.maybe(0.3) else "")
        if graph.maybe(0.3):
            attributes["input_forget"] = 1
    if operator == "GRU" and graph.maybe():
        attributes["linear_before_reset"] = 1
    if graph.maybe(0.3):
        attributes["clip"] = chance.choice([0.3, 0.9, 2.5])
    if graph.maybe(0.4):
        attributes |= _activations(chance, operator, both)
    while not inputs[-1]:
        inputs.pop()
    y, *final = graph.node(operator, *inputs, outputs=1 + states, **attributes)
    graph.layers.append(graph.nodes[-1].name)
    if both == 1:
        return hidden, graph.node("Squeeze", y, graph.ints(1)), final
    merged = graph.node("Reshape", graph.node("Transpose", y, perm=[0, 2, 1, 3]), graph.ints(0, 0, -1))
    return both * hidden, merged, final


def _activations(chance, operator, both):
    chosen = [chance.choice(_ACTIVATIONS) for _ in range(_KINDS[operator] * both)]
    if chance.random() < 0.5:
        chosen = chosen[: _KINDS[operator]] * both
    lists = {
        "activations": [name for name, _, _ in chosen],
        "activation_alpha": [alpha for _, alpha, _ in chosen if alpha is not None],
        "activation_beta": [beta for _, _, beta in chosen if beta is not None],
    }
    return {name: values for name, values in lists.items() if values}


def _between(graph, value, width):
    return _elementwise(graph, value, width) if graph.maybe(0.5) else value


def _head(graph, value, width):
    match graph.chance.randrange(6):
        case 0:
            last = graph.node("Gather", value, graph.constant(np.int64(-1)), axis=0)
            value = graph.node("Gemm", last, graph.weight(3, width), graph.weight(3), transB=1)
            return graph.node("Softmax", value, axis=-1), 3
        case 1:
            value = graph.node("Slice", value, graph.ints(0), graph.ints(4), graph.ints(0))
            return graph.node("LogSoftmax", graph.node("MatMul", value, graph.weight(width, 4)), axis=2), 4
        case 2:
            return graph.node("ReduceMean", value, axes=[0], keepdims=0), width
        case 3:
            return graph.node(
                "Unsqueeze", graph.node("ReduceMax", value, axes=[0], keepdims=0), graph.ints(0)
            ), width
        case 4:
            doubled = graph.node("Concat", value, graph.node("Slice", value, graph.ints(-1), graph.ints(-99),
                                                             graph.ints(0), graph.ints(-1)), axis=-1)  # fmt: skip
            return graph.node("Add", doubled, graph.weight(2 * width)), 2 * width
        case _:
            return value, width
