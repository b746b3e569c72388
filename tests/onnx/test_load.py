"""ONNX files read: their numbers are ONNX Runtime's, recurrent nodes are layers of ours, what is not known is named."""

import copy
import math
import pickle
from importlib import import_module

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as node_cases

import keepgate
import keepgate.onnx
from keepgate import cells, lens
from keepgate.cells.variants import Activation, gru_variant, lstm_variant
from keepgate.nn import Recurrent
from keepgate.onnx.reading.build import OPERATORS
from keepgate.onnx.reading.recurrent import RECURRENT

from .random_graphs import random_graph

pytestmark = [
    pytest.mark.usefixtures("as_users_run"),
    # onnx's own test cases, when they are made.
    pytest.mark.filterwarnings("ignore::RuntimeWarning:onnx"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:onnx"),
]


def arrays(values):
    return [numpy_helper.to_array(v) if isinstance(v, TensorProto) else np.asarray(v) for v in values]


def results(model, feeds):
    with torch.no_grad():
        output = model(*[torch.from_numpy(np.array(feed)) for feed in feeds])
    return [tensor.detach().numpy() for tensor in (output if isinstance(output, tuple) else (output,))]


def saved(model, folder):
    file = folder / "a.onnx"
    onnx.save(model, file)
    return file


def runtime(file, feeds):
    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]).run(None, feeds)


def test_onnxs_own_tests_of_recurrent_nodes(tmp_path):
    largest = recurrent_node_tests(tmp_path)
    assert len(largest) >= 18
    assert max(largest.values()) < 1e-5


def recurrent_node_tests(folder):
    """The largest difference in each of them, by name, those in layout 1, which ONNX Runtime refuses, too."""
    for module in ("lstm", "gru", "rnn"):
        # onnx.backend's collect_testcases makes all 1,800 cases of every operator, which takes seconds.
        import_module(f"onnx.backend.test.case.node.{module}")
    chosen = [
        case
        for case in node_cases._NodeTestCases
        if {n.op_type for n in case.model.graph.node} & {*RECURRENT}
    ]
    largest = {}
    for case in chosen:
        model = keepgate.onnx.load(saved(case.model, folder))
        for inputs, outputs in case.data_sets:
            pairs = list(zip(results(model, arrays(inputs)), arrays(outputs), strict=True))
            assert all(ours.shape == theirs.shape for ours, theirs in pairs), case.name
            largest[case.name] = max(float(np.abs(ours - theirs).max()) for ours, theirs in pairs)
    return largest


@pytest.mark.slow
def test_onnxs_own_tests_of_every_operator_that_is_read(tmp_path):
    """Each is right or refused; half precision rounds by the order of its sums."""
    right, refused = 0, []
    for case in node_cases.collect_testcases(None):
        operators = {node.op_type for node in case.model.graph.node}
        if not operators <= {*OPERATORS, *RECURRENT, "If", "Scan"}:
            continue
        file = saved(case.model, tmp_path)
        for inputs, outputs in case.data_sets:
            try:
                ours = results(keepgate.onnx.load(file), arrays(inputs))
            except keepgate.KeepgateError:
                refused.append(case.name)
                continue
            for mine, theirs in zip(ours, arrays(outputs), strict=True):
                assert mine.dtype == theirs.dtype, case.name
                atol = 1e-2 if mine.dtype == np.float16 else 1e-6
                np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=atol, err_msg=case.name)
            right += 1
    print(f"{right} of ONNX's node tests right, {len(refused)} refused")
    assert right > 900


def agree(seed, folder):
    """The largest difference to ONNX Runtime, relative to the largest number of an output where that is above 1."""
    proto, feeds, names = random_graph(seed)
    file = saved(proto, folder)
    model = keepgate.onnx.load(file)
    assert {*names} <= {*model.layers}
    assert all(isinstance(layer, Recurrent) for layer in model.layers.values())
    ours = results(model, [feeds[name] for name in model.inputs])
    differences = []
    for mine, theirs in zip(ours, runtime(file, feeds), strict=True):
        assert mine.shape == theirs.shape
        differences.append(np.abs(mine - theirs).max() / max(np.abs(theirs).max(), 1.0))
    assert max(differences) < 1e-5, (seed, differences)
    return max(differences)


@pytest.mark.parametrize("seed", range(16))
def test_random_graphs(seed, tmp_path):
    agree(seed, tmp_path)


@pytest.mark.slow
def test_five_hundred_random_graphs(tmp_path):
    print(f"500 graphs: largest difference {max(agree(seed, tmp_path) for seed in range(1000, 1500)):.2g}")


def lone(operator, gates, *, width=3, hidden=4, both=1, opset=14, extra=(), lengths=None, **attributes):
    """A graph of one recurrent node with weights of its own. extra: further inputs of the node, by their arrays."""
    numbers = np.random.default_rng(7)
    shapes = {
        "W": (both, gates * hidden, width),
        "R": (both, gates * hidden, hidden),
        "B": (both, 2 * gates * hidden),
    }
    weights = {name: numbers.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    states = 2 if operator == "LSTM" else 1
    outputs = ["Y", "Y_h", "Y_c"][: 1 + states]
    node = helper.make_node(
        operator, ["X", *weights, *extra], outputs, "layer", hidden_size=hidden, **attributes
    )
    graph = helper.make_graph(
        [node], "lone", [helper.make_tensor_value_info("X", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("operator", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_layout_1_is_layout_0_with_the_batch_first(operator, gates, direction, tmp_path):
    """ONNX Runtime runs layout 0 only, so that its numbers are transposed."""
    both = 2 if direction == "bidirectional" else 1
    x = np.random.default_rng(1).normal(size=(5, 2, 3)).astype(np.float32)
    y, *final = runtime(saved(lone(operator, gates, both=both, direction=direction), tmp_path), {"X": x})
    model = keepgate.onnx.load(
        saved(lone(operator, gates, both=both, direction=direction, layout=1), tmp_path)
    )
    ours = results(model, [x.transpose(1, 0, 2)])
    assert model.layers["layer"].batch_first
    np.testing.assert_allclose(ours[0], y.transpose(2, 0, 1, 3), rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(ours[1:], final, strict=True):
        np.testing.assert_allclose(mine, theirs.transpose(1, 0, 2), rtol=1e-5, atol=1e-5)


def test_a_layer_of_ours_comes_back_as_the_same_cell(tmp_path):
    for cell in (
        cells.rnn_tanh,
        cells.rnn_relu,
        cells.lstm,
        cells.gru,
        cells.gru_reset_before,
        cells.peephole,
    ):
        layer, x = Recurrent(cell, 3, 4, bidirectional=True).eval(), torch.randn(5, 2, 3)
        keepgate.onnx.export(layer, tmp_path / "a.onnx", x)
        model = keepgate.onnx.load(tmp_path / "a.onnx")
        assert {found.cell for found in model.layers.values()} == {cell}
        with torch.no_grad():
            torch.testing.assert_close(model(x)[0], layer(x)[0], rtol=1e-5, atol=1e-5)


def test_a_loop_of_equations_comes_back_as_a_loop(tmp_path):
    layer = Recurrent(cells.mingru, 3, 4).eval()
    call = {"input": torch.randn(6, 3, 3), "lengths": torch.tensor([6, 2, 4])}
    keepgate.onnx.export(layer, tmp_path / "a.onnx", call)
    model = keepgate.onnx.load(tmp_path / "a.onnx")
    assert not model.layers
    with torch.no_grad():
        torch.testing.assert_close(model(**call)[0], layer(**call)[0], rtol=1e-5, atol=1e-5)


class Tagger(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(50, 6)
        self.layer = torch.nn.LSTM(6, 8, bidirectional=True, batch_first=True)
        self.head = torch.nn.Linear(16, 3)

    def forward(self, tokens):
        return self.head(self.layer(self.embedding(tokens))[0]).softmax(-1)


def test_the_lens_works_on_a_whole_model_that_was_loaded(tmp_path):
    original, tokens = Tagger().eval(), torch.randint(0, 50, (3, 6))
    keepgate.onnx.export(original, tmp_path / "a.onnx", tokens)
    model = keepgate.onnx.load(tmp_path / "a.onnx")
    with torch.no_grad(), lens.attach(model) as captured:
        torch.testing.assert_close(model(tokens), original(tokens), rtol=1e-5, atol=1e-5)
    runs = (
        [run for runs in captured.values() for run in runs] if isinstance(captured, dict) else list(captured)
    )
    assert runs
    model(tokens).sum().backward()
    assert all(
        parameter.grad is not None for layer in model.layers.values() for parameter in layer.parameters()
    )


def test_what_no_cell_has_is_a_cell_of_its_own(tmp_path):
    options = {"activations": ["HardSigmoid", "Relu", "Softsign"], "activation_alpha": [0.3], "clip": 0.5}
    layer = keepgate.onnx.load(saved(lone("LSTM", 4, input_forget=1, **options), tmp_path)).layers["layer"]
    alpha = float(np.float32(0.3))
    assert layer.cell is lstm_variant(
        Activation("HardSigmoid", alpha), Activation("Relu"), Activation("Softsign"), 0.5, True, False
    )
    assert layer.cell.gates == ("i", "g", "o")
    assert layer.cell.memory_state == "c"
    trace = layer.trace(torch.randn(5, 2, 3)).layers[0]
    torch.testing.assert_close(trace["f"], 1 - trace["i"])
    again = pickle.loads(pickle.dumps(layer))
    assert again.cell is layer.cell
    torch.testing.assert_close(again(torch.ones(2, 1, 3))[0], copy.deepcopy(layer)(torch.ones(2, 1, 3))[0])


def test_directions_with_other_activations_are_two_layers(tmp_path):
    file = saved(lone("RNN", 1, both=2, direction="bidirectional", activations=["Tanh", "Relu"]), tmp_path)
    model = keepgate.onnx.load(file)
    assert {name: layer.cell for name, layer in model.layers.items()} == {
        "layer": cells.rnn_tanh,
        "layer_reverse": cells.rnn_relu,
    }


def with_unknown_nodes():
    """A recurrent node in a branch, weights that are computed from others, and nodes that are not known."""
    inner = lone("GRU", 3, linear_before_reset=1).graph
    branch = helper.make_graph(inner.node, "then", [], inner.output[:1], inner.initializer)
    other = helper.make_graph([helper.make_node("Identity", ["X"], ["other"], "keep")], "else", [], [
        helper.make_tensor_value_info("other", TensorProto.FLOAT, None)])  # fmt: skip
    nodes = [
        helper.make_node("Bernoulli", ["X"], ["noise"], "draw"),
        helper.make_node("ReduceSum", ["X"], ["total"], "total", keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"], "greater"),
        helper.make_node("If", ["positive"], ["out"], "choose", then_branch=branch, else_branch=other),
    ]
    graph = helper.make_graph(
        nodes, "whole", inner.input,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("out", "noise")],
        [numpy_helper.from_array(np.float32(0), "zero")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def test_the_layers_of_a_file_that_is_refused_as_a_whole(tmp_path):
    file = saved(with_unknown_nodes(), tmp_path)
    with pytest.raises(
        keepgate.ConversionError, match=r"node 'draw' \(Bernoulli\) has no counterpart here.*load_layers"
    ):
        keepgate.onnx.load(file)
    layers = keepgate.onnx.load_layers(file)
    assert [*layers] == ["layer"]
    assert layers["layer"].cell is gru_variant()
    assert layers["layer"](torch.randn(4, 2, 3))[0].shape == (4, 2, 4)


def test_a_branch_is_chosen_when_the_model_is_called(tmp_path):
    proto = with_unknown_nodes()
    del proto.graph.node[0], proto.graph.output[1]
    model = keepgate.onnx.load(saved(proto, tmp_path))
    assert [*model.layers] == ["layer"]
    x = np.random.default_rng(3).uniform(0.1, 1, (4, 2, 3)).astype(np.float32)
    for feed in (x, -x):
        (ours,), (theirs,) = results(model, [feed]), runtime(tmp_path / "a.onnx", {"X": feed})
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_inputs_that_are_not_the_files_say_what_it_takes(tmp_path):
    model = keepgate.onnx.load(saved(lone("GRU", 3), tmp_path))
    x = torch.randn(4, 2, 3)
    for arguments, error, message in (
        ((), keepgate.ShapeError, "the model takes X; it was given 0 tensors"),
        ((x, x), keepgate.ShapeError, "the model takes X; it was given 2 tensors"),
        ((x.long(),), keepgate.ShapeError, "input 'X' is torch.int64, and the file takes torch.float32"),
        ((x.numpy(),), TypeError, "input 'X' is ndarray"),
        (
            (torch.randn(4, 2, 7),),
            keepgate.ShapeError,
            r"node 'layer' \(GRU\) cannot be computed: .*7 features",
        ),
    ):
        with pytest.raises(error, match=message):
            model(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "sideways"}, r"node 'layer' \(LSTM\) has direction='sideways'"),
        ({"activations": ["Tanh"]}, "has 1 activations; an LSTM has 3 for each of its 1"),
        ({"activations": ["Tanh", "Tanh", "Gauss"]}, "has the activation 'Gauss'; known are"),
        ({"clip": -1.0}, "has clip=-1.0; expected a number above 0"),
        ({"clip": math.nan}, "has clip=nan"),
        ({"layout": 2}, "has layout=2; expected 0 or 1"),
        ({"activation_alpha": [1.0]}, "more activation_alpha"),
        ({"output_sequence": 1}, "'output_sequence', which an LSTM of opset 7 or later has not"),
        ({"both": 2}, r"W has the shape \[2, 16, 3\]"),
        ({"hidden": 4, "opset": 6}, "written for opset 6"),
    ],
)
def test_a_recurrent_node_that_is_not_right_is_named(options, message, tmp_path):
    with pytest.raises(keepgate.KeepgateError, match=message):
        keepgate.onnx.load(saved(lone("LSTM", 4, **options), tmp_path))


def test_files_that_are_none_say_so(tmp_path):
    folder, empty, text = tmp_path / "folder", tmp_path / "empty.onnx", tmp_path / "text.onnx"
    folder.mkdir()
    empty.write_bytes(b"")
    text.write_text("no model\n" * 9)
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(lone("LSTM", 4).SerializeToString()[:-200])
    for file, message in (
        (tmp_path / "missing.onnx", "cannot be read: No such file"),
        (folder, "folder"),
        (empty, "has no node"),
        (text, "is no ONNX file"),
        (cut, "is no ONNX file"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(keepgate.ConversionError, match=message):
            keepgate.onnx.load(file)


def external(model, **entries):
    """The model with W in another file."""
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "W")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return model


def test_weights_in_a_file_beside_the_model(tmp_path):
    model = lone("GRU", 3)
    (raw,) = [tensor.raw_data for tensor in model.graph.initializer if tensor.name == "W"]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"12345678" + raw)
    expected = keepgate.onnx.load(saved(model, tmp_path)).layers["layer"].weight_ih_l0
    file = saved(external(model, location="data/w.bin", offset=8, length=len(raw)), tmp_path)
    assert torch.equal(keepgate.onnx.load(file).layers["layer"].weight_ih_l0, expected)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"location": "../secret.bin"}, "outside the file's own folder"),
        ({"location": "/etc/passwd"}, "outside the file's own folder"),
        ({"location": "link.bin"}, "outside the file's own folder"),
        ({"location": ""}, "names no file"),
        ({"location": "none.bin"}, "cannot be read: No such file"),
        ({"location": "short.bin"}, "takes 144 bytes and asks for 144 from 0 on"),
        ({"location": "."}, "export the file again"),
        ({"location": "long.bin", "offset": -4}, "export the file again"),
        ({"location": "long.bin", "length": 9}, "asks for 9 from 0 on"),
        ({"location": "long.bin", "length": "x"}, "export the file again"),
    ],
)
def test_a_path_never_leaves_the_folder(entries, message, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name, size in (("../secret.bin", 999), ("short.bin", 3), ("long.bin", 999)):
        (folder / name).write_bytes(b"\0" * size)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(keepgate.ConversionError, match=message):
        keepgate.onnx.load(saved(external(lone("GRU", 3), **entries), folder))


def test_tensors_that_share_their_bytes_cannot_ask_for_more_than_there_is(tmp_path):
    (tmp_path / "w.bin").write_bytes(b"\0" * 1000)
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])], "two", [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, None)],
        [TensorProto(name=name, data_type=1, dims=[200], data_location=TensorProto.EXTERNAL) for name in "ab"],
    )  # fmt: skip
    for tensor in graph.initializer:
        tensor.external_data.add(key="location", value="w.bin")
    with pytest.raises(keepgate.ConversionError, match="200 of them not yet taken"):
        keepgate.onnx.load(saved(helper.make_model(graph, ir_version=8), tmp_path))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("ConstantOfShape", ["big"], ["y"], {})], "may make"),
        ([("ConstantOfShape", ["one"], ["a"], {}), ("Expand", ["a", "big"], ["y"], {})], "may make"),
        ([("ConstantOfShape", ["one"], ["a"], {}), ("Tile", ["a", "many"], ["y"], {})], "may make"),
        ([("Range", ["zero", "many0", "step"], ["y"], {})], "may make"),
        ([("Nonsense", ["one"], ["y"], {})], "has no counterpart here; the nearest are"),
        ([("Add", ["one", "nowhere"], ["y"], {})], "reads 'nowhere', which no input"),
        ([("Add", ["one"], ["y"], {})], "has 1 inputs; expected 2 to 2"),
        ([("Tanh", ["one"], ["y"], {"axis": 1})], "has the attribute 'axis', which has no counterpart"),
        ([("Transpose", ["one"], ["y"], {"perm": 1})], "which is of the wrong type"),
        ([("Transpose", ["one"], ["y"], {"perm": [3]})], "is no order of 1 dimensions"),
        ([("Concat", ["one"], ["y"], {})], "lacks the attribute 'axis'"),
        ([("Identity", ["one"], ["y"], {}), ("Identity", ["one"], ["y"], {})], "which is there already"),
    ],
)
def test_a_node_that_is_not_right_is_named_and_makes_nothing_large(nodes, message, tmp_path):
    constants = {"big": [1 << 40], "one": [1], "many": [1 << 33], "zero": 0, "many0": 1 << 50, "step": 1}
    graph = helper.make_graph(
        [helper.make_node(op, inputs, outputs, f"the_{op}", **options) for op, inputs, outputs, options in nodes],
        "bad", [], [helper.make_tensor_value_info("y", TensorProto.INT64, None)],
        [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    with pytest.raises(keepgate.KeepgateError, match=message) as raised:
        keepgate.onnx.load(saved(model, tmp_path))
    assert "the_" in str(raised.value)


def test_an_announced_size_is_not_believed(tmp_path):
    model = lone("GRU", 3)
    model.graph.initializer[0].dims[:] = [1, 1 << 30, 1 << 30]
    with pytest.raises(keepgate.ConversionError, match=r"the tensor 'W' of shape \[1, .*has 144 bytes"):
        keepgate.onnx.load(saved(model, tmp_path))


def test_an_order_of_gates_that_is_wrong_is_found(tmp_path, monkeypatch):
    """The comparison above can fail."""
    from keepgate.onnx.reading import recurrent

    wrong = type(cells.gru.onnx)("GRU", gates="r z n", linear_before_reset=1)
    monkeypatch.setitem(recurrent._ORDERS, "GRU", wrong)
    x = np.random.default_rng(1).normal(size=(5, 2, 3)).astype(np.float32)
    file = saved(lone("GRU", 3, linear_before_reset=1), tmp_path)
    ours, theirs = results(keepgate.onnx.load(file), [x]), runtime(file, {"X": x})
    assert np.abs(ours[0] - theirs[0]).max() > 1e-2


def test_a_padding_by_more_than_there_is_is_refused(tmp_path):
    """Of what may be mirrored, ONNX's own tests hold the numbers; ONNX Runtime refuses this too."""
    node = helper.make_node("Pad", ["x", "pads"], ["y"], "the_pad", mode="reflect")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None]) for name in "xy")
    graph = helper.make_graph([node], "pad", [x], [y], [numpy_helper.from_array(np.array([0, 3]), "pads")])
    model = keepgate.onnx.load(
        saved(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), tmp_path)
    )
    (mirrored,) = results(model, [np.float32([1, 2, 3, 4])])
    np.testing.assert_array_equal(mirrored, [1, 2, 3, 4, 3, 2, 1])
    with pytest.raises(keepgate.ShapeError, match="it pads an axis of 3 by 0 and 3 in mode 'reflect'"):
        model(torch.ones(3))
