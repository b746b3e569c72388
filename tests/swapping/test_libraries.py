"""What torch's own tools do to layers goes on working on a swapped model, with torch's numbers."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.optim.swa_utils import AveragedModel

import keepgate
from tests.oracles import agrees, flat

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning", "ignore::FutureWarning"
    ),
    pytest.mark.usefixtures("as_users_run"),
]


def pair(kind=nn.LSTM):
    """A model of torch's, a swapped one with the same numbers, and what they read."""
    theirs = nn.ModuleDict({"layer": kind(4, 5, dtype=torch.float64)})
    ours = copy.deepcopy(theirs)
    keepgate.swap(ours)
    return theirs, ours, torch.randn(6, 3, 4, dtype=torch.float64)


def same(ours, theirs, x):
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            for mine, other in zip(flat(ours["layer"](x)), flat(theirs["layer"](x)), strict=True):
                agrees(mine, other)


class Double(nn.Module):
    def forward(self, weight):
        return 2 * weight


CHANGES = {
    "parametrize": lambda layer: parametrize.register_parametrization(layer, "weight_hh_l0", Double()),
    "weight_norm": lambda layer: parametrizations.weight_norm(layer, "weight_ih_l0"),
    "weight_norm, by hooks": lambda layer: nn.utils.weight_norm(layer, "weight_ih_l0"),
    "spectral_norm": lambda layer: parametrizations.spectral_norm(layer, "weight_hh_l0"),
    "spectral_norm, by hooks": lambda layer: nn.utils.spectral_norm(layer, "weight_hh_l0"),
    "pruning": lambda layer: prune.l1_unstructured(layer, "weight_hh_l0", 0.5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_layer_computes_as_torchs(change):
    theirs, ours, x = pair()
    for model in (theirs, ours):
        torch.manual_seed(1)
        CHANGES[change](model["layer"])
        model.eval()
    same(ours, theirs, x)
    assert isinstance(ours["layer"], nn.LSTM)


@pytest.mark.parametrize("change", [name for name in CHANGES if "hooks" in name or name == "pruning"])
def test_a_layer_that_hooks_compute_the_weights_of_is_swapped_and_back(change):
    model, x = nn.Sequential(nn.LSTM(4, 5, dtype=torch.float64)), torch.randn(6, 3, 4, dtype=torch.float64)
    CHANGES[change](model[0])
    model.eval()
    expected = flat(model(x))
    assert keepgate.swap(model).swapped == ("0",)
    for mine, other in zip(flat(model(x)), expected, strict=True):
        agrees(mine, other)
    keepgate.unswap(model)
    for mine, other in zip(flat(model(x)), expected, strict=True):
        assert torch.equal(mine, other)


def test_a_parametrisation_comes_off_again_and_then_unswap_works():
    theirs, ours, x = pair()
    parametrizations.weight_norm(ours["layer"], "weight_hh_l0")
    assert keepgate.unswap(ours) == ()
    parametrize.remove_parametrizations(ours["layer"], "weight_hh_l0")
    assert keepgate.unswap(ours) == ("layer",)
    same(ours, theirs, x)


def test_tied_weights_stay_tied():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.GRU(4, 4), nn.GRU(4, 4)
            self.second.weight_hh_l0 = self.first.weight_hh_l0

        def forward(self, x):
            return self.second(self.first(x)[0])[0]

    model, x = Tied(), torch.randn(6, 3, 4)
    expected = model(x)
    keepgate.swap(model)
    assert model.second.weight_hh_l0 is model.first.weight_hh_l0
    agrees(model(x), expected)
    model(x).sum().backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert model.second.weight_hh_l0 is model.first.weight_hh_l0
    ours = model(x)
    keepgate.unswap(model)
    agrees(ours, model(x))


def test_tied_weights_that_were_frozen_learn_again():
    model = nn.Sequential(nn.GRU(4, 4), nn.GRU(4, 4))
    model[1].weight_hh_l0 = model[0].weight_hh_l0
    model[0].bias_hh_l0.requires_grad_(False)
    before = [parameter.requires_grad for parameter in model.parameters()]
    for thawed in (keepgate.thaw, keepgate.unswap):
        keepgate.swap(model, frozen=True)
        assert not any(parameter.requires_grad for parameter in model.parameters())
        thawed(model)
        assert [parameter.requires_grad for parameter in model.parameters()] == before
        keepgate.unswap(model)


def test_averaged_models():
    theirs, ours, x = pair(nn.GRU)
    averages = []
    for model in (theirs, ours):
        average = AveragedModel(model)
        for step in range(2):
            average.update_parameters(model)
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(step + 1.0)
        averages.append(average.module)
    same(averages[1], averages[0], x)


def _saved(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), _saved],
    ids=["deepcopy", "pickle", "torch.save"],
)
def test_copies(copied, frozen):
    theirs, ours, x = pair()
    if frozen:
        keepgate.freeze(ours)
    same(ours, theirs, x)
    other = copied(ours)
    same(other, theirs, x)
    assert keepgate.unswap(other) == ("layer",)
    same(other, theirs, x)
    assert all(parameter.requires_grad for parameter in other.parameters())


class Reads(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


def test_export_and_jit_trace_and_script():
    theirs, ours, x = pair()
    model = Reads(ours["layer"])
    expected = theirs["layer"](x)[0]
    agrees(torch.export.export(model, (x,)).module()(x), expected)
    longer = torch.randn(9, 2, 4, dtype=torch.float64)
    agrees(torch.jit.trace(model, x)(longer), theirs["layer"](longer)[0])
    with pytest.raises(keepgate.SettingsError, match="to_torch"):
        torch.jit.script(model)
    keepgate.unswap(model)
    agrees(torch.jit.script(model)(x), expected)


def test_distributed_data_parallel(tmp_path):
    distributed = torch.distributed
    theirs, ours, x = pair()
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        wrapped = nn.parallel.DistributedDataParallel(Reads(ours["layer"]))
        wrapped(x).square().sum().backward()
        again = nn.parallel.DistributedDataParallel(Reads(nn.LSTM(4, 5, dtype=torch.float64)))
        assert keepgate.swap(again).swapped == ("module.layer",)
        again(x).sum().backward()
    finally:
        distributed.destroy_process_group()
    theirs["layer"](x)[0].square().sum().backward()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        agrees(mine.grad, other.grad, "gradient")
