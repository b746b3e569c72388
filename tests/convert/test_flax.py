"""Trees of Flax's parameters: every cell gives Flax's numbers."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import keepgate
from keepgate import cells, convert
from keepgate.cells.variants import mgu, mgu_without_reset

from .record_flax import RECORDED, random_case

pytestmark = pytest.mark.usefixtures("as_users_run")


def arrays(tree):
    """The tree with lists of numbers as arrays."""
    if isinstance(tree, dict):
        return {name: arrays(inner) for name, inner in tree.items()}
    return np.array(tree, np.float32)


def agree(case):
    tree, x, expected = (arrays(case[name]) for name in ("tree", "x", "output"))
    layers = convert.flax(tree)
    (layer,) = layers.values()
    with torch.no_grad():
        output, _ = layer(torch.from_numpy(x))
    torch.testing.assert_close(output, torch.from_numpy(expected), rtol=1e-5, atol=1e-5)
    return float((output - torch.from_numpy(expected)).abs().max())


@pytest.mark.parametrize(
    "case", json.loads(RECORDED.read_text(encoding="utf-8")), ids=lambda case: case["cell"]
)
def test_recorded_cells_give_flaxs_numbers(case):
    agree(case)


@pytest.mark.slow
def test_two_hundred_random_cells():
    pytest.importorskip("flax", reason="pip install flax")
    print(f"200 cells: largest difference {max(agree(random_case(seed)) for seed in range(1000, 1200)):.2g}")


def drawn(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def gru_tree(width=3, units=4):
    parts = {f"i{gate}": {"kernel": drawn(width, units), "bias": drawn(units)} for gate in "rzn"}
    parts |= {f"h{gate}": {"kernel": drawn(units, units)} for gate in "rz"}
    return parts | {"hn": {"kernel": drawn(units, units), "bias": drawn(units)}}


def test_layers_are_found_by_their_paths():
    tree = {
        "params": {
            "embed": {"embedding": drawn(9, 3)},
            "encoder": {"GRUCell_0": gru_tree()},
            "head": {"kernel": drawn(4, 2), "bias": drawn(2)},
        }
    }
    layers = convert.flax(tree)
    assert {path: type(layer) for path, layer in layers.items()} == {
        "embed": nn.Embedding, "encoder/GRUCell_0": keepgate.Recurrent, "head": nn.Linear,
    }  # fmt: skip
    assert layers["encoder/GRUCell_0"].cell is cells.gru
    x = torch.randn(5, 4)
    expected = x.numpy() @ tree["params"]["head"]["kernel"] + tree["params"]["head"]["bias"]
    torch.testing.assert_close(layers["head"](x).detach(), torch.from_numpy(expected))
    assert [*convert.flax(gru_tree())] == ["cell"]


def test_the_candidates_bias_tells_whether_a_minimal_gated_unit_resets():
    tree = {part: {"kernel": drawn(4, 4), "bias": drawn(4)} for part in ("if", "in", "hn")} | {
        "hf": {"kernel": drawn(4, 4)}
    }
    assert convert.flax(tree)["cell"].cell is mgu
    del tree["hn"]["bias"]
    assert convert.flax(tree)["cell"].cell is mgu_without_reset
    assert mgu.retain_gate == "f"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [], "the tree is list"),
        (lambda _: {}, "nothing at its root has no layer that is known"),
        (lambda _: {"opt": {"mu": drawn(3)}}, "with opt at its root has no layer"),
        (lambda tree: tree | {"hn": {"bias": drawn(4)}}, r"cell/hn/kernel is object of \[\]"),
        (lambda tree: tree | {"hn": {"kernel": drawn(5, 4)}}, "are not alike"),
        (lambda tree: tree | {"hn": {"kernel": drawn(4, 4), "bias": drawn(7)}}, "do not fit"),
        (lambda tree: tree | {"hn": {"kernel": drawn(4, 4).astype(np.int64)}}, "is int64 of"),
        (
            lambda tree: tree | {f"h{g}": {"kernel": drawn(4, 5)} for g in "rzn"},
            "its states have 4 units, and its gates 4 and 5",
        ),
        (lambda _: {"head": {"kernel": drawn(4, 2), "bias": drawn(3)}}, "do not fit"),
    ],
)
def test_a_tree_that_does_not_fit_says_where(change, message):
    with pytest.raises(keepgate.ConversionError, match=message):
        convert.flax(change(gru_tree()))


def test_a_tree_that_contains_itself_is_refused():
    tree = {}
    tree["again"] = tree
    with pytest.raises(keepgate.ConversionError, match="nested more than 64 deep"):
        convert.flax(tree)
