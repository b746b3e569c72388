"""What the guide's tables say of libraries that know torch's layers by their exact type, on a swapped model."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import keepgate
from tests.oracles import agrees

pytestmark = [pytest.mark.usefixtures("as_users_run"), pytest.mark.filterwarnings("ignore")]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(4, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


@pytest.fixture
def pair():
    theirs = Model()
    ours = copy.deepcopy(theirs)
    assert keepgate.swap(ours).swapped == ("lstm",)
    return theirs, ours


X = torch.randn(3, 6, 4)


def test_quantize_dynamic_passes_over_a_swapped_layer_until_it_is_torch_s_again(pair):
    _, ours = pair
    for swapped in (True, False):
        quantized = torch.ao.quantization.quantize_dynamic(ours, {nn.LSTM, nn.Linear})
        assert type(quantized.head) is not nn.Linear
        assert isinstance(quantized.lstm, keepgate.LSTM) == swapped
        assert ("quantized" in type(quantized.lstm).__module__) != swapped
        keepgate.unswap(ours)


def test_keepgate_s_own_quantize_takes_its_place(pair):
    theirs, ours = pair
    assert keepgate.quantize(ours).quantized == ("lstm",)
    with torch.no_grad():
        assert (ours(X) - theirs(X)).abs().max() < 0.05


def test_opacus_needs_unswap_first_and_works_then(pair):
    opacus = pytest.importorskip("opacus", reason="pip install opacus")
    validator = pytest.importorskip("opacus.validators").ModuleValidator
    theirs, ours = pair
    assert validator.validate(ours) == []  # it does not see that the layer is recurrent
    assert isinstance(validator.fix(copy.deepcopy(ours)).lstm, keepgate.LSTM)
    with pytest.raises(TypeError):
        opacus.GradSampleModule(copy.deepcopy(ours))(X).sum().backward()
    assert keepgate.unswap(ours) == ("lstm",)
    assert len(validator.validate(ours)) == 1
    fixed = opacus.GradSampleModule(validator.fix(ours), loss_reduction="sum")
    output = fixed(X)
    agrees(output, theirs(X))
    output.sum().backward()
    samples = {name.removeprefix("_module."): p.grad_sample for name, p in fixed.named_parameters()}
    for row in range(len(X)):
        theirs.zero_grad()
        theirs(X[row : row + 1]).sum().backward()
        agrees(samples["head.weight"][row], theirs.head.weight.grad, "gradient")


def test_captum_attributes_as_with_torch_s_layer(pair):
    attr = pytest.importorskip("captum.attr", reason="pip install captum")
    shares = [attr.IntegratedGradients(model).attribute(X, target=1, n_steps=20) for model in pair]
    agrees(shares[1], shares[0].to(shares[1].dtype))


def test_torchinfo_counts_the_parameters_of_torch_s_layer(pair):
    torchinfo = pytest.importorskip("torchinfo", reason="pip install torchinfo")
    counts = [torchinfo.summary(model, input_data=X, verbose=0).total_params for model in pair]
    assert counts[0] == counts[1] == sum(parameter.numel() for parameter in pair[0].parameters())


def test_the_flop_counter_counts_no_recurrent_layer(pair):
    counts = []
    for model in pair:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(X)
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] == 2 * 3 * 5 * 2  # of the linear layer alone
