"""Derivatives of any order of what the C++ core runs: by autograd, by torch.func, and what they must not miss."""

import pytest
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, stack_module_state, vmap
from torch.utils.checkpoint import checkpoint

import keepgate
from keepgate import cells
from keepgate.kernels import KERNELS
from keepgate.kernels.core import arguments
from keepgate.nn import Recurrent
from tests.kernels.calls import CORE, made
from tests.oracles import agrees, by_kernel, flat

CPU = KERNELS[0]
LAYERS = ["RNN", "LSTM", "GRU"]
every_layer = pytest.mark.parametrize("name", LAYERS)
every_cell = pytest.mark.parametrize("cell", CORE, ids=lambda cell: cell.name)


def core(name, *sizes, **options):
    """A layer that nothing but the core may run."""
    return getattr(keepgate, name)(*sizes, kernel="cpu", **options)


def double(*shape, **options):
    return torch.randn(*shape, dtype=torch.float64, **options)


@every_cell
def test_vmap_over_inputs_states_lengths_and_resets(cell):
    layer = Recurrent(cell, 3, 4, 2, bidirectional=True, dtype=torch.float64, kernel="cpu")
    x = double(6, 2, 5, 3)  # [time, stacked, batch, input]
    states = tuple(double(2, 4, 5, 4) for _ in cell.states)
    hx = states if len(states) > 1 else states[0]
    resets = torch.rand(2, 6, 5) < 0.3

    def one(x, hx, resets):
        return flat(layer(x, hx, resets=resets))

    found = vmap(one, in_dims=(1, 0, 0))(x, hx, resets)
    for place in range(2):
        alone = one(
            x[:, place], tuple(s[place] for s in states) if len(states) > 1 else hx[place], resets[place]
        )
        for mine, other in zip(found, alone, strict=True):
            assert torch.equal(mine[place], other)
    shared = vmap(lambda x: layer(x, lengths=[6, 0, 2, 5, 1])[0], in_dims=1)(x)
    assert torch.equal(shared[1], layer(x[:, 1], lengths=[6, 0, 2, 5, 1])[0])


@every_layer
def test_vmap_over_weights_runs_an_ensemble(name):
    layers = [core(name, 3, 4) for _ in range(3)]
    weights, _ = stack_module_state(layers)
    x = torch.randn(6, 2, 3)
    found = vmap(lambda weights, x: functional_call(layers[0], weights, (x,))[0], in_dims=(0, None))(
        weights, x
    )
    for mine, layer in zip(found, layers, strict=True):
        assert torch.equal(mine, layer(x)[0])


def test_vmap_inside_vmap():
    layer, x = core("GRU", 3, 4), torch.randn(2, 3, 6, 5, 3)
    found = vmap(vmap(lambda x: layer(x)[0]))(x)
    assert torch.equal(found[1, 2], layer(x[1, 2])[0])


@pytest.mark.parametrize("wanted", ["weights", "input"])
@every_cell
def test_gradients_of_each_sample(cell, wanted):
    layer = Recurrent(cell, 2, 3, bidirectional=True, dtype=torch.float64, kernel="cpu")
    weights = {name: weight.detach() for name, weight in layer.named_parameters()}
    x = double(4, 5, 2)

    def loss(weights, x):
        return functional_call(layer, weights, (x,))[0].square().sum()

    found = vmap(grad(loss, 0 if wanted == "weights" else 1), in_dims=(None, 0))(weights, x)
    for row in range(4):
        given = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
        one = x[row].clone().requires_grad_()
        of = list(given.values()) if wanted == "weights" else [one]
        expected = torch.autograd.grad(loss(given, one), of)
        mine = [value[row] for value in found.values()] if wanted == "weights" else [found[row]]
        for ours, other in zip(mine, expected, strict=True):
            agrees(ours, other, "gradient")


@every_layer
def test_derivatives_of_derivatives_by_torch_func(name):
    layer = core(name, 2, 3, dtype=torch.float64)
    reference = by_kernel(layer, "reference")
    x = double(3, 2, 2)

    def loss(layer):
        return lambda x: layer(x)[0].square().sum()

    expected = torch.autograd.functional.hessian(loss(reference), x)
    agrees(jacrev(jacrev(loss(layer)))(x), expected, "gradient")
    free = getattr(keepgate, name)(2, 3, dtype=torch.float64)
    free.load_state_dict(layer.state_dict())
    agrees(hessian(loss(free))(x), expected, "gradient")
    agrees(jacfwd(jacrev(loss(free)))(x), expected, "gradient")
    ours = vmap(grad(lambda x: grad(loss(layer))(x).square().sum()))(torch.stack([x, -x]))
    agrees(ours[0], grad(lambda x: grad(loss(reference))(x).square().sum())(x), "gradient")


def test_autograd_over_torch_func():
    layer, x = core("GRU", 2, 3, dtype=torch.float64), double(3, 2, 2, requires_grad=True)

    def second(layer):
        found = grad(lambda x: layer(x)[0].square().sum())(x)
        return torch.autograd.grad(found.square().sum(), [x, *layer.parameters()])

    for mine, other in zip(second(layer), second(by_kernel(layer, "reference")), strict=True):
        agrees(mine, other, "gradient")


def test_forward_mode_is_refused_with_a_reason():
    call = made(cells.lstm, 2, 3, 4, 5)
    with torch.autograd.forward_ad.dual_level():
        assert "forward-mode" in str(CPU.refusal_reason(call))
    assert CPU.refusal_reason(call) is None


@every_cell
def test_third_derivatives(cell):
    layer = Recurrent(cell, 2, 3, dtype=torch.float64, kernel="cpu")
    x = double(3, 2, 2, requires_grad=True)

    def third(layer):
        found = layer(x)[0].pow(3).sum()
        for _ in range(2):
            (found,) = torch.autograd.grad(found.square().sum(), x, create_graph=True)
        return torch.autograd.grad(found.square().sum(), [x, *layer.parameters()])

    for mine, other in zip(third(layer), third(by_kernel(layer, "reference")), strict=True):
        scale = other.abs().max().clamp(min=1)
        agrees(mine / scale, other / scale, "gradient")


@pytest.mark.parametrize(
    ("cell", "projected"), [*[(cell, 0) for cell in CORE], (cells.lstm, 2)], ids=lambda value: str(value)
)
def test_derivatives_of_traced_gates(cell, projected):
    layer = Recurrent(cell, 2, 5, proj_size=projected, bidirectional=True, dtype=torch.float64, kernel="cpu")
    x = double(4, 3, 2, requires_grad=True)

    def derivatives(layer):
        values = [value for part in layer.trace(x, lengths=[4, 0, 3]).layers for value in part.values()]
        loss = sum((place + 1) * value.square().sum() for place, value in enumerate(values))
        of = [x, *layer.parameters()]
        first = torch.autograd.grad(loss, of, create_graph=True)
        return [*first, *torch.autograd.grad(sum(one.square().sum() for one in first), of)]

    for mine, other in zip(derivatives(layer), derivatives(by_kernel(layer, "reference")), strict=True):
        scale = other.abs().max().clamp(min=1)
        agrees(mine / scale, other / scale, "gradient")


def weight(layer, x, hx, output):
    layer.weight_hh_l0.mul_(2)


def bias(layer, x, hx, output):
    layer.bias_ih_l0.add_(1)


def input_(layer, x, hx, output):
    x.zero_()


def state(layer, x, hx, output):
    hx.zero_()


def output(layer, x, hx, output):
    output.zero_()


@pytest.mark.parametrize("change", [weight, bias, input_, state, output], ids=lambda change: change.__name__)
def test_what_backward_reads_may_not_change_before_it(change):
    layer, x, hx = core("GRU", 5, 7), torch.randn(4, 2, 5), torch.randn(1, 2, 7)
    found, _ = layer(x, hx)
    loss = found.square().sum() if change is not output else found.sum()
    with torch.no_grad():
        change(layer, x, hx, found)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_traced_gate_may_not_change_before_backward():
    trace = core("LSTM", 5, 8).trace(torch.randn(4, 2, 5))
    with torch.no_grad():
        trace.layer(0).f.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        trace.output.sum().backward()


def test_inputs_that_need_no_gradient_cost_none(monkeypatch):
    seen, backward = [], arguments._core.Backward

    class Core:
        def __getattr__(self, name):
            return getattr(real, name)

        def Backward(self, ran, d_output, d_last, *wanted):
            seen.append(wanted)
            return backward(ran, d_output, d_last, *wanted)

    real = arguments._core
    monkeypatch.setattr(arguments, "_core", Core())
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5)
    layer(x)[0].sum().backward()
    d_x, d_first, ih, hh, b_ih, b_hh, hr, vectors, d_states = seen.pop()
    assert (d_x, d_first, hr, vectors, d_states) == ((0, 0, 0), (0, 0), 0, (), ())
    assert min(ih, hh, b_ih, b_hh) > 0
    layer.requires_grad_(False)
    layer(x.requires_grad_())[0].sum().backward()
    d_x, d_first, *others = seen.pop()
    assert d_x[0] > 0
    assert (d_first, others) == ((0, 0), [0, 0, 0, 0, 0, (), ()])
    layer.weight_hh_l0.requires_grad_()
    layer(x.detach())[0].sum().backward()
    d_x, d_first, ih, hh, *others = seen.pop()
    assert hh > 0
    assert (d_x, d_first, ih, others) == ((0, 0, 0), (0, 0), 0, [0, 0, 0, (), ()])


def test_a_graph_is_walked_twice_where_it_is_kept():
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5, requires_grad=True)
    loss = layer(x)[0].square().sum()
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    (again,) = torch.autograd.grad(loss, x)
    assert torch.equal(first, again)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(loss, x)


def test_a_loss_of_final_states_alone():
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5, requires_grad=True)
    for place in (0, 1):
        (mine,) = torch.autograd.grad(layer(x)[1][place].square().sum(), x)
        (other,) = torch.autograd.grad(by_kernel(layer, "reference")(x)[1][place].square().sum(), x)
        agrees(mine, other, "gradient")


def test_gradients_that_come_expanded_strided_or_negated():
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5, requires_grad=True)
    output, _ = layer(x)
    weighting = torch.randn(4, 2, 7)
    (expected,) = torch.autograd.grad((output * weighting).sum(), x, retain_graph=True)
    wide = torch.randn(2, 4, 14).transpose(0, 1)
    wide[..., ::2] = weighting
    (strided,) = torch.autograd.grad(output, x, wide[..., ::2], retain_graph=True)
    assert torch.equal(strided, expected)
    negated = torch._neg_view(-weighting)  # what torch makes of an imaginary part, conjugated
    assert negated.is_neg()
    (found,) = torch.autograd.grad(output, x, negated, retain_graph=True)
    assert torch.equal(found, expected)
    ones = torch.autograd.grad(output, x, torch.ones(4, 2, 7), retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(output.sum(), x)[0], ones)


def test_an_input_that_torch_only_notes_as_negated():
    layer, x = core("GRU", 5, 7), torch.randn(4, 2, 5)
    hx = torch.randn(1, 2, 7)
    assert torch._neg_view(-x).is_neg()
    assert torch.equal(layer(torch._neg_view(-x), torch._neg_view(-hx))[0], layer(x, hx)[0])


def test_saved_tensors_may_be_moved_about():
    layer, x = core("LSTM", 5, 7), torch.randn(4, 2, 5, requires_grad=True)
    (expected,) = torch.autograd.grad(layer(x)[0].square().sum(), x)

    def away(tensor):
        # Somewhere that is no multiple of 64 bytes.
        elsewhere = torch.empty(tensor.numel() + 3, dtype=tensor.dtype)[3:].view(tensor.shape)
        return elsewhere.copy_(tensor.detach())

    with torch.autograd.graph.saved_tensors_hooks(away, lambda tensor: tensor):
        loss = layer(x)[0].square().sum()
    assert torch.equal(torch.autograd.grad(loss, x)[0], expected)


def test_checkpointing_computes_the_same():
    layer, x = core("GRU", 5, 7, 2), torch.randn(4, 2, 5, requires_grad=True)
    of = [x, *layer.parameters()]
    expected = torch.autograd.grad(layer(x)[0].square().sum(), of)
    found = torch.autograd.grad(checkpoint(layer, x, use_reentrant=False)[0].square().sum(), of)
    for mine, other in zip(found, expected, strict=True):
        assert torch.equal(mine, other)


def no_copy(*args, **kwargs):
    raise AssertionError("the outputs were copied")


@pytest.mark.parametrize("name", LAYERS)
def test_both_directions_write_into_one_output(name, monkeypatch):
    layer, x = core(name, 5, 7, 2, bidirectional=True), torch.randn(4, 3, 5, requires_grad=True)
    reference = by_kernel(layer, "reference")
    expected = reference(x)[0]
    grads = torch.autograd.grad(expected.square().sum(), [x, *reference.parameters()])
    monkeypatch.setattr(torch, "cat", no_copy)
    output = layer(x)[0]
    agrees(output, expected)
    for mine, other in zip(
        torch.autograd.grad(output.square().sum(), [x, *layer.parameters()]), grads, strict=True
    ):
        agrees(mine, other, "gradient")
    with torch.no_grad():
        inferred = layer(x)[0]
    assert torch.equal(inferred, output)
    trace = layer.trace(x)
    assert torch.equal(trace.layer(1, reverse=True).h, output[..., 7:])
    with torch.inference_mode():
        assert torch.equal(layer(x)[0], output)


def test_second_derivatives_of_both_directions():
    layer, x = core("GRU", 2, 3, bidirectional=True, dtype=torch.float64), double(4, 2, 2, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: layer(x)[0], [x], fast_mode=True)


@pytest.mark.parametrize("place", [0, 8])
def test_an_output_of_both_directions_may_not_change_before_backward(place):
    layer, x = core("GRU", 5, 7, bidirectional=True), torch.randn(4, 2, 5)
    output = layer(x)[0]
    loss = output.square().sum()
    with torch.no_grad():
        output[1, 1, place] = 0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()
    output = layer(x)[0]
    output.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()
