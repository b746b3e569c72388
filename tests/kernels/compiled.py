"""What torch.compile, torch.export and torch.jit make of layers. Run by test_compile.py; no annotation is enforced.

torch.compile reads Python's code: the checks that the other tests put around every function would be compiled too.
"""

import io

import pytest
import torch
from torch.func import functional_call, grad, vmap

import keepgate
from keepgate import cells
from keepgate.arrays.core_cell import cell_of_operator
from keepgate.kernels.core.call_spec import call_tensors
from keepgate.nn import Recurrent
from tests.kernels.calls import made
from tests.kernels.user_cells import atr, indrnn
from tests.oracles import agrees, flat

SHAPES = [(9, 3), (20, 5), (7, 2), (31, 4)]


class Counting:
    """A backend that runs the graph as it is, and keeps what it was given."""

    def __init__(self):
        self.graphs = []

    def __call__(self, graph, inputs):
        self.graphs.append(graph)
        return graph.forward

    @property
    def operators(self):
        return [
            [n for n in graph.graph.nodes if "keepgate.sequence" in str(n.target)] for graph in self.graphs
        ]


@pytest.fixture(autouse=True)
def _fresh():
    torch.manual_seed(0)
    torch._dynamo.reset()


def compiled(function, backend="aot_eager", **options):
    return torch.compile(function, fullgraph=True, backend=backend, **options)


def same_training(function, layer, x, *args, **kwargs):
    """Outputs are those of the layer that is not compiled, bit for bit; gradients are added in another order."""
    outputs, grads = [], []
    for one in (function, layer):
        x.grad = None
        layer.zero_grad()
        output, final = one(x, *args, **kwargs)
        sum(part.square().sum() for part in flat((output, final))).backward()
        outputs.append(flat((output, final)))
        grads.append([x.grad, *[weight.grad for weight in layer.parameters()]])
    for mine, other in zip(*outputs, strict=True):
        assert torch.equal(mine, other)
    for mine, other in zip(*grads, strict=True):
        agrees(mine, other, "gradient")


@pytest.mark.parametrize(
    "cell", [cells.lstm, cells.gru, cells.peephole, cells.mingru, indrnn], ids=lambda cell: cell.name
)
def test_training_in_one_graph(cell):
    layer = Recurrent(cell, 5, 7, batch_first=True, bidirectional=True, kernel="cpu")
    x = torch.randn(3, 9, 5, requires_grad=True)
    same_training(compiled(layer), layer, x, lengths=torch.tensor([9, 0, 4]))


def test_inference_resets_states_and_projection_in_one_graph():
    layer = keepgate.LSTM(5, 7, 2, proj_size=3, kernel="cpu")
    x, resets = torch.randn(9, 3, 5), torch.rand(9, 3) < 0.3
    hx = torch.randn(2, 3, 3), torch.randn(2, 3, 7)
    function = compiled(layer)
    with torch.no_grad():
        for mine, other in zip(
            flat(function(x, hx, resets=resets)), flat(layer(x, hx, resets=resets)), strict=True
        ):
            assert torch.equal(mine, other)


@pytest.mark.parametrize("cell", [cells.lstm, cells.mingru], ids=lambda cell: cell.name)
def test_a_trace_and_the_gradients_of_its_gates(cell):
    layer = Recurrent(cell, 5, 7, kernel="cpu")
    x = torch.randn(4, 3, 5, requires_grad=True)

    def gates(x):
        part = layer.trace(x).layer(0)
        return part[cell.traced[0]].square().sum() + part.h.sum()

    (mine,) = torch.autograd.grad(compiled(gates)(x), x)
    (other,) = torch.autograd.grad(gates(x), x)
    agrees(mine, other, "gradient")


def test_the_graph_does_not_grow_with_the_steps():
    layer = keepgate.LSTM(5, 7, 2, bidirectional=True)
    nodes = []
    for steps in (2, 200):
        torch._dynamo.reset()
        backend = Counting()
        compiled(layer, backend, dynamic=False)(torch.randn(steps, 3, 5))
        assert [len(found) for found in backend.operators] == [4]
        nodes.append(len(backend.graphs[0].graph.nodes))
    assert nodes[0] == nodes[1]


def test_other_steps_and_rows_are_not_compiled_again():
    layer, backend = keepgate.GRU(5, 7), Counting()
    function = compiled(layer, backend, dynamic=True)
    for steps, rows in SHAPES:
        x = torch.randn(steps, rows, 5)
        assert torch.equal(function(x)[0], layer(x)[0])
    assert len(backend.graphs) == 1


def test_lengths_are_checked_when_the_graph_runs():
    layer = keepgate.GRU(5, 7)
    function, x = compiled(layer), torch.randn(9, 3, 5)
    lengths = torch.tensor([9, 0, 4])
    assert torch.equal(function(x, lengths=lengths)[0], layer(x, lengths=lengths)[0])
    for wrong in (torch.tensor([10, 0, 4]), torch.tensor([9, -1, 4])):
        with pytest.raises(keepgate.ShapeError, match="must be 0 to 9"):
            function(x, lengths=wrong)


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_autocast_in_the_graph(name):
    layer = getattr(keepgate, name)(5, 7, kernel="cpu")
    x = torch.randn(9, 3, 5)
    with torch.autocast("cpu", torch.bfloat16):
        mine, other = compiled(layer)(x), layer(x)
    for one, another in zip(flat(mine), flat(other), strict=True):
        assert one.dtype == another.dtype
        assert torch.equal(one, another)


def test_vmap_and_gradients_of_each_sample_in_the_graph():
    layer, x = keepgate.GRU(2, 3, dtype=torch.float64), torch.randn(4, 5, 2, dtype=torch.float64)
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}

    def loss(weights, x):
        return functional_call(layer, weights, (x,))[0].square().sum()

    def each(weights, x):
        return vmap(grad(loss), in_dims=(None, 0))(weights, x)

    for mine, other in zip(compiled(each)(weights, x).values(), each(weights, x).values(), strict=True):
        agrees(mine, other, "gradient")


@pytest.mark.parametrize("cell", [cells.gru_reset_before, cells.lstm], ids=lambda cell: cell.name)
def test_the_reference_in_one_graph(cell):
    layer = Recurrent(cell, 5, 7, kernel="reference")
    x = torch.randn(3, 2, 5)
    agrees(compiled(layer)(x)[0], layer(x)[0])


def test_operators_know_a_users_cell_by_its_name_and_equations():
    layer, x = Recurrent(atr, 5, 7, kernel="cpu"), torch.randn(9, 3, 5, requires_grad=True)
    same_training(compiled(layer), layer, x)
    program = torch.export.export(layer, (x.detach(),))
    name = f"{atr.qualified_name}@{atr.graph.digest}"
    assert name in str(program.graph)
    assert cell_of_operator(name) is atr
    with pytest.raises(keepgate.CellError, match="other equations"):
        cell_of_operator(f"{cells.register(atr)}@0123456789ab")
    with pytest.raises(keepgate.CellError, match="register"):
        cell_of_operator("tests.kernels.user_cells.nobody@0123456789ab")
    assert torch.equal(program.module()(x)[0], layer(x)[0])


@pytest.mark.slow
def test_inductor():
    layer = keepgate.LSTM(5, 7, 2, bidirectional=True)
    function = compiled(layer, "inductor")
    for steps, rows in SHAPES:
        same_training(function, layer, torch.randn(steps, rows, 5, requires_grad=True))


# torch's own code calls what torch deprecates.
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.parametrize("gradients", [False, True])
def test_export_with_free_steps_and_rows(gradients):
    layer = keepgate.LSTM(5, 7, 2, bidirectional=True)
    free = {0: torch.export.Dim("steps", min=2, max=100), 1: torch.export.Dim("rows", min=2, max=50)}
    with torch.set_grad_enabled(gradients):
        program = torch.export.export(layer, (torch.randn(9, 3, 5),), dynamic_shapes=(free,))
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
        buffer.seek(0)
        loaded = torch.export.load(buffer).module()
        for steps, rows in SHAPES:
            x = torch.randn(steps, rows, 5)
            assert torch.equal(loaded(x)[0], layer(x)[0])
            assert torch.equal(program.run_decompositions().module()(x)[0], layer(x)[0])
    names = [str(node.target) for node in program.graph.nodes]
    assert names.count("keepgate.sequence.default") == 4


def test_an_exported_program_can_be_trained():
    layer, x = keepgate.GRU(5, 7), torch.randn(9, 3, 5)
    module = torch.export.export(layer, (x,)).module()
    module(x)[0].square().sum().backward()
    layer(x)[0].square().sum().backward()
    for name, weight in module.named_parameters():
        assert torch.equal(weight.grad, layer.get_parameter(name).grad)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_torchscript_records_torchs_own_operators():
    layer, x = keepgate.LSTM(5, 7), torch.randn(4, 2, 5)
    traced = torch.jit.trace(layer, (x,), check_trace=False)
    assert "keepgate::" not in str(traced.inlined_graph)
    assert "aten::lstm" in str(traced.inlined_graph)
    agrees(traced(x)[0], layer(x)[0])


def test_fx_into_a_layer_itself_names_the_way_out():
    with pytest.raises(keepgate.SettingsError, match="is_leaf_module"):
        torch.fx.symbolic_trace(keepgate.LSTM(3, 4))

    class Traces(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = keepgate.LSTM(3, 4)

        def forward(self, x):
            return self.layer.trace(x).output

    with pytest.raises(keepgate.KernelRefused, match="is_leaf_module"):
        torch.fx.symbolic_trace(Traces())


@pytest.mark.parametrize("cell", [cells.lstm, cells.peephole, cells.mingru], ids=lambda cell: cell.name)
def test_the_operators_are_what_they_say(cell):
    # Sixteen units fill a plane's rows: what lies beside them is not written, and two runs differ there.
    call = made(cell, 6, 3, 5, 16, lengths=torch.tensor([6, 0, 4]), reverse=True)
    x, *weights, states, vectors, lengths, resets = nested(call)
    given = (x, *weights, states, vectors, lengths, resets, cell.name, True)
    torch.library.opcheck(torch.ops.keepgate.sequence.default, (*given, True, True))
    output, *final, planes = torch.ops.keepgate.sequence(*given, True, True)
    wanted = [tensor is not None and tensor.requires_grad for tensor in call_tensors(call)]
    upstream = [torch.randn_like(one) for one in (output, *final)]
    detached = [one if one is None else one.detach() for one in (x, *weights)]
    given = (
        *detached,
        [s.detach() for s in states],
        [v.detach() for v in vectors],
        lengths,
        resets,
        cell.name,
        True,
    )
    given = (*given, output.detach(), planes.detach(), upstream, wanted)
    torch.library.opcheck(torch.ops.keepgate.sequence_backward.default, given)


def nested(call):
    tensors = call_tensors(call)
    return *tensors[:6], list(call.states), list(call.vectors), call.lengths, call.resets


def test_a_swapped_model_breaks_the_graph_where_torchs_did_and_nowhere_if_dynamo_allows_rnns():
    model = torch.nn.Sequential(torch.nn.GRU(5, 7)).eval()
    x = torch.randn(9, 3, 5)
    expected = model(x)[0]
    keepgate.swap(model)
    agrees(torch.compile(model, backend="aot_eager")(x)[0], expected)
    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=True):
        backend = Counting()
        agrees(compiled(model, backend)(x)[0], expected)
    assert [len(nodes) for nodes in backend.operators] == [1]


@pytest.mark.parametrize("weights", ["int8", "bfloat16"])
def test_quantized_layers_run_in_one_graph(weights):
    layer, x = keepgate.LSTM(7, 33, 2, bidirectional=True), torch.randn(6, 3, 7)
    assert keepgate.quantize(layer, weights).quantized
    with torch.no_grad():
        for mine, other in zip(flat(compiled(layer)(x)), flat(layer(x)), strict=True):
            agrees(mine, other)


def test_gates_are_shown_outside_the_graph_and_not_exported():
    layer, x, shown = keepgate.GRU(3, 4), torch.randn(5, 2, 3), []
    expected = layer(x)[0]
    handle = layer.gates.register_forward_hook(lambda _, __, trace: shown.append(trace.layer(0).z))
    agrees(torch.export.export(layer, (x,)).module()(x)[0], expected)
    assert not shown
    agrees(torch.compile(layer, backend="aot_eager")(x)[0], expected)
    assert [type(z) for z in shown] == [torch.Tensor]
    torch._dynamo.reset()
    with pytest.raises(torch._dynamo.exc.Unsupported, match="remove them for a whole graph"):
        compiled(layer)(x)
    handle.remove()
    torch._dynamo.reset()
    agrees(compiled(layer)(x)[0], expected)


@pytest.mark.parametrize("options", [{"num_layers": 2, "bidirectional": True}, {"layer_norm": True}], ids=str)
def test_masks_of_training_are_drawn_in_the_graph(options):
    layer = keepgate.LSTM(5, 7, zoneout=(0.2, 0.4), recurrent_dropout=0.3, weight_drop=0.2, **options)
    x = torch.randn(6, 3, 5, requires_grad=True)
    outputs, gradients = [], []
    for function, seed in ((compiled(layer), 3), (layer, 3), (compiled(layer), 4)):
        torch.manual_seed(seed)
        outputs.append(function(x)[0])
        gradients.append(torch.autograd.grad(outputs[-1].square().sum(), [x, *layer.parameters()]))
    assert torch.equal(outputs[0], outputs[1])
    for mine, other in zip(*gradients[:2], strict=True):
        agrees(mine, other, "gradient")
    assert not torch.equal(outputs[0], outputs[2])


# torch's own code calls what torch deprecates.
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
def test_an_exported_program_draws_masks_anew():
    layer, x = keepgate.GRU(5, 7, recurrent_dropout=0.5), torch.randn(6, 3, 5)
    module = torch.export.export(layer, (x,)).module()
    outputs = []
    for function, seed in ((module, 3), (layer, 3), (module, 4)):
        torch.manual_seed(seed)
        outputs.append(function(x)[0])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_the_operator_of_masks_is_what_it_says():
    for double in (False, True):
        torch.library.opcheck(
            torch.ops.keepgate.random_mask.default, (torch.tensor(5), [2, 3, 9], 1, 0.3, 0.0, 2.0, 4, double)
        )
