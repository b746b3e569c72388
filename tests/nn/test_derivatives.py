"""First and second derivatives, in training and in eval mode, and torch.func's transforms."""

import pytest
import torch
from torch.func import functional_call, grad, jacrev, vmap

import keepgate
from tests.oracles import agrees, twins

LAYERS = ["RNN", "LSTM", "GRU"]


def small(name, kernel, **options):
    layer = getattr(keepgate, name)(2, 3, dtype=torch.float64, kernel=kernel, **options)
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    h = torch.randn(layer.directions, 2, 3, dtype=torch.float64, requires_grad=True)
    return layer, x, (h, torch.randn_like(h).requires_grad_()) if name == "LSTM" else (h,)


def function(layer, lengths):
    names = [name for name, _ in layer.named_parameters()]

    def outputs(x, *rest):
        count = len(layer.cell.states)
        hx = rest[:count] if count > 1 else rest[0]
        weights = dict(zip(names, rest[count:], strict=True))
        output, final = functional_call(layer, weights, (x, hx), {"lengths": lengths})
        return (output, *final) if isinstance(final, tuple) else (output, final)

    return outputs, [weight.detach().requires_grad_() for weight in layer.parameters()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("lengths", [None, [3, 1]])
@pytest.mark.parametrize("kernel", ["cpu", "builtin", "reference"])
@pytest.mark.parametrize("name", LAYERS)
def test_first_derivatives_against_finite_differences(name, kernel, lengths, training):
    layer, x, hx = small(name, kernel, bidirectional=True)
    layer.train(training)
    outputs, weights = function(layer, lengths)
    assert torch.autograd.gradcheck(outputs, [x, *hx, *weights], fast_mode=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kernel", ["cpu", "builtin", "reference"])
@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives_against_finite_differences(name, kernel, training):
    layer, x, hx = small(name, kernel)
    layer.train(training)
    outputs, weights = function(layer, [3, 1])
    assert torch.autograd.gradgradcheck(outputs, [x, *hx, *weights], fast_mode=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_second_derivatives_in_float32_agree_with_float64(name, training):
    theirs, _ = twins(name, 5, 7)
    ours = getattr(keepgate, name)(5, 7)
    ours.load_state_dict(theirs.state_dict())
    theirs.train(training)
    ours.train(training)
    x = torch.randn(4, 3, 5, dtype=torch.float64)

    def second(layer, x):
        x = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), [x, *layer.parameters()])

    for mine, other in zip(second(ours, x.float()), second(theirs, x), strict=True):
        agrees(mine, other.float(), "gradient")


@pytest.mark.parametrize("name", LAYERS)
def test_vmap_runs_a_stack_of_batches(name):
    layer = getattr(keepgate, name)(5, 7, bidirectional=True)
    x = torch.randn(4, 6, 3, 5)
    expected = torch.stack([layer(one)[0] for one in x])
    agrees(vmap(lambda one: layer(one)[0])(x), expected)
    lengths = torch.tensor([6, 2, 4])
    expected = torch.stack([layer(one, lengths=lengths)[0] for one in x])
    agrees(vmap(lambda one: layer(one, lengths=lengths)[0])(x), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_per_sample_gradients(name):
    layer = getattr(keepgate, name)(2, 3).double()
    x = torch.randn(4, 5, 2, dtype=torch.float64)
    weights = dict(layer.named_parameters())

    def loss(weights, one):
        return functional_call(layer, weights, (one,))[0].square().sum()

    per_sample = vmap(grad(loss), in_dims=(None, 0))({k: v.detach() for k, v in weights.items()}, x)
    for row in range(4):
        expected = torch.autograd.grad(loss(weights, x[row]), list(weights.values()))
        for name_, other in zip(weights, expected, strict=True):
            agrees(per_sample[name_][row], other, "gradient")


def test_jacobians_by_torch_func():
    layer = keepgate.GRU(2, 3).double()
    x = torch.randn(4, 2, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda x: layer(x)[0], x)
    agrees(jacrev(lambda x: layer(x)[0])(x), expected, "gradient")


def test_forward_mode_derivatives():
    layer = keepgate.LSTM(2, 3).double()
    x, direction = torch.randn(4, 2, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    _, found = torch.func.jvp(lambda x: layer(x)[0], (x,), (direction,))
    expected = torch.autograd.functional.jacobian(lambda x: layer(x)[0], x)
    agrees(found, torch.einsum("thxi,xi->th", expected, direction), "gradient")


def test_weights_changed_in_place_before_backward_are_noticed():
    layer = keepgate.LSTM(5, 7)
    loss = layer(torch.randn(4, 2, 5))[0].sum()
    with torch.no_grad():
        layer.weight_hh_l0.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def ways_through(layer, outputs, wrt):
    """Several directions at once against one by one: by autograd's own stack, and by torch.func.vmap."""
    ways = [torch.randn(3, *output.shape, dtype=output.dtype) for output in outputs]
    one_by_one = [
        torch.autograd.grad(outputs, wrt, [way[i] for way in ways], retain_graph=True, allow_unused=True)
        for i in range(3)
    ]

    def pulled(ways):
        return torch.autograd.grad(outputs, wrt, ways, retain_graph=True, materialize_grads=True)

    for create in (False, True):
        at_once = torch.autograd.grad(
            outputs,
            wrt,
            ways,
            is_grads_batched=True,
            create_graph=create,
            retain_graph=True,
            allow_unused=True,
        )
        for stacked, mapped, single in zip(
            at_once, vmap(pulled)(ways), zip(*one_by_one, strict=True), strict=True
        ):
            if stacked is not None:
                agrees(stacked, torch.stack(single), "gradient")
                agrees(mapped, torch.stack(single), "gradient")


@pytest.mark.parametrize("lengths", [None, [3, 1]])
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True, "num_layers": 2}, {"kernel": "builtin"}], ids=str
)
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_several_directions_at_once(name, options, lengths):
    layer = getattr(keepgate, name)(2, 3, dtype=torch.float64, **options)
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    output, final = layer(x, lengths=lengths)
    ways_through(layer, [output], [x, *layer.parameters()])
    ways_through(layer, [output, *(final if isinstance(final, tuple) else [final])], [x, *layer.parameters()])


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_several_directions_through_a_trace(name):
    layer = getattr(keepgate, name)(2, 3, bidirectional=True, dtype=torch.float64)
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    traced = [value for part in layer.trace(x).layers for value in part.values()]
    ways_through(layer, traced, [x, *layer.parameters()])


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_vectorised_jacobians_and_hessians(name, bidirectional, strategy):
    layer = getattr(keepgate, name)(2, 3, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(3, 1, 2, dtype=torch.float64)

    def output(x):
        return layer(x)[0]

    def loss(x):
        return layer(x)[0].square().sum()

    jacobian, hessian = torch.autograd.functional.jacobian, torch.autograd.functional.hessian
    agrees(jacobian(output, x, vectorize=True, strategy=strategy), jacobian(output, x), "gradient")
    agrees(hessian(loss, x, vectorize=True, outer_jacobian_strategy=strategy), hessian(loss, x), "gradient")
