"""Any cell is a layer: with biases and without, both ways, with a projection or a reason why not."""

import pytest
import torch

import keepgate
from keepgate import cells
from tests.equations.later_cells import LATER
from tests.kernels.user_cells import inside
from tests.oracles import agrees

EVERY_CELL = [*cells.CELLS, *LATER]
each_cell = pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda cell: cell.name)


@each_cell
def test_a_layer_without_biases_is_one_whose_biases_are_zero(cell):
    without = keepgate.Recurrent(cell, 3, 4, 2, bias=False, bidirectional=True, dtype=torch.float64)
    zero = keepgate.Recurrent(cell, 3, 4, 2, bidirectional=True, dtype=torch.float64)
    weights = without.state_dict()
    biases = {name: torch.zeros_like(w) for name, w in zero.state_dict().items() if name not in weights}
    assert all(name.startswith("bias") for name in biases)
    zero.load_state_dict(weights | biases)
    x = torch.rand(5, 3, 3, dtype=torch.float64)
    agrees(without(x, lengths=[5, 0, 2])[0], zero(x, lengths=[5, 0, 2])[0])


@each_cell
def test_an_output_is_projected_unless_the_step_reads_it_unit_by_unit(cell):
    if cell.reads_output or cell.recurrent == "diagonal":
        with pytest.raises(keepgate.SettingsError, match=f"a unit of {cell.name} reads its own output"):
            keepgate.Recurrent(cell, 3, 4, proj_size=2)
    elif cell.recurrent == "dense":
        layer = keepgate.Recurrent(cell, 3, 4, proj_size=2, dtype=torch.float64)
        assert layer(torch.rand(5, 3, 3, dtype=torch.float64))[0].shape == (5, 3, 2)


def test_an_output_is_not_projected_where_the_step_multiplies_other_vectors():
    with pytest.raises(
        keepgate.SettingsError, match="inside multiplies inside its step, where vectors have 4"
    ):
        keepgate.Recurrent(inside, 3, 4, proj_size=2)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_mingru_is_its_closed_form(reverse):
    # h_t = sum over k up to t of z_k n_k times the (1 - z) of the steps after k.
    layer = keepgate.Recurrent(cells.mingru, 3, 4, bidirectional=True, dtype=torch.float64)
    x, h_0 = torch.randn(6, 2, 3, dtype=torch.float64), torch.randn(2, 2, 4, dtype=torch.float64)
    output = layer(x, h_0)[0][..., 4:] if reverse else layer(x, h_0)[0][..., :4]
    end = "_l0_reverse" if reverse else "_l0"
    sums = x @ getattr(layer, f"weight_ih{end}").T + getattr(layer, f"bias_ih{end}")
    if reverse:
        sums, output = sums.flip(0), output.flip(0)
    z, n = 1 / (1 + torch.exp(-sums[..., :4])), sums[..., 4:]
    for t in range(6):
        written = sum(z[k] * n[k] * (1 - z[k + 1 : t + 1]).prod(0) for k in range(t + 1))
        agrees(output[t], written + h_0[int(reverse)] * (1 - z[: t + 1]).prod(0))
