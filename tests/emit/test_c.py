"""The C99 of a cell's step and of its functions: near exact, and the same equations as everywhere."""

import ctypes
import subprocess
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
import torch

from keepgate.arrays.recurrent import Recurrent
from keepgate.cells import CELLS
from keepgate.emit.c import functions, functions_called, step_of_unit
from keepgate.emit.stages import stages_of
from keepgate.equations import evaluate, topological
from keepgate.errors import CellError
from tests.c99.compiled import FLAGS, compiler
from tests.kernels.user_cells import USER_CELLS

ELEMENTWISE = [c for c in (*CELLS, *USER_CELLS) if c.recurrent != "in_step" and not c.row_means]
# Of each function: where it is tried, and its largest error relative to the exact value, or to 1 where that is larger.
FUNCTIONS = {
    "exp": (np.exp, (-86, 86), 4e-7),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), (-30, 30), 2e-7),
    "tanh": (np.tanh, (-20, 20), 2e-7),
    "log": (np.log, (1e-30, 1e30), 3e-7),
    "sqrt": (np.sqrt, (0, 1e30), 2e-7),
    "gelu": (lambda x: x * np.vectorize(NormalDist().cdf)(x), (-30, 30), 4e-7),
    "softplus": (lambda x: np.logaddexp(x, 0), (-40, 40), 4e-7),
}


def built(text: str, folder: Path) -> ctypes.CDLL:
    source = folder / "functions.c"
    source.write_text("#include <stdint.h>\n" + text)
    flags = [*FLAGS, "-fPIC", "-shared", "-nostdlib", "-Wl,-z,defs"]
    done = subprocess.run(
        [compiler(), *flags, source, "-o", folder / "functions.so"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "functions.so"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_near_exact(name: str, tmp_path: Path) -> None:
    truth, (low, high), most = FUNCTIONS[name]
    wrapper = f"void all(const float *x, long n, float *y) {{ while (n--) *y++ = t_{name}(*x++); }}"
    library = built("\n".join([*functions({name}, "t"), wrapper]), tmp_path)
    spread = np.geomspace(1e-30, high, 20_000)
    x = np.concatenate([np.linspace(low, high, 200_000), spread, [low, high]]).astype(np.float32)
    x = np.concatenate([x, -spread.astype(np.float32)]) if low < 0 else x
    x, y = x[(x >= low) & (x <= high)], np.empty(0, np.float32)
    y = np.full_like(x, np.nan)
    library.all(ctypes.c_void_p(x.ctypes.data), ctypes.c_long(len(x)), ctypes.c_void_p(y.ctypes.data))
    exact = truth(x.astype(np.float64))
    scale = exact if name in ("exp", "sqrt") else np.maximum(np.abs(exact), 1)
    assert (np.abs(y - exact) <= most * np.maximum(np.abs(scale), 1e-30)).all()


@pytest.mark.parametrize("cell", ELEMENTWISE, ids=lambda cell: cell.name)
def test_a_step_in_c_is_the_cells(cell, tmp_path: Path) -> None:
    """One unit, whose uh comes from a recurrent weight of 0 and a bias: all that the step reads can then be chosen."""
    text = "\n".join(step_of_unit(cell, "t"))
    called = functions(functions_called(text, "t"), "t")
    names = ("wx", "uh", "prev", "weight")
    signature = ", ".join(f"const float *{name}" for name in names)
    wrapper = f"void step({signature}, float *next) {{ t_cell_{cell.name}({', '.join(names)}, next); }}"
    library = built("\n".join([*called, text, wrapper]), tmp_path)
    rng = np.random.default_rng(1)
    gates, states = len(cell.gates), len(cell.states)
    for _ in range(20):
        wx, uh, prev, weight = (
            rng.normal(0, 1, count).astype(np.float32) for count in (gates, gates, states, len(cell.vectors))
        )
        if cell.recurrent == "none":
            uh[:] = 0
        weights = {"weight_ih_l0": np.zeros((gates, 1), np.float32), "bias_ih_l0": wx}
        if cell.recurrent != "none":
            shape = (gates, 1) if cell.recurrent == "dense" else (gates,)
            weights |= {"weight_hh_l0": np.zeros(shape, np.float32), "bias_hh_l0": uh}
        weights |= {f"{name}_l0": weight[k : k + 1] for k, name in enumerate(cell.vectors)}
        initial = tuple(prev[k].reshape(1, 1, 1) for k in range(states))
        _, final = Recurrent.from_state_dict(cell, weights)(np.zeros((1, 1, 1), np.float32), initial)
        expected = [state.item() for state in (final if isinstance(final, tuple) else (final,))]
        following = np.full(states, np.nan, np.float32)
        arrays = [np.append(array, np.float32(0)) for array in (wx, uh, prev, weight)]
        library.step(*(ctypes.c_void_p(array.ctypes.data) for array in (*arrays, following)))
        assert following == pytest.approx(expected, rel=1e-6, abs=1e-6)


MIXING = [c for c in (*CELLS, *USER_CELLS) if c.recurrent == "in_step" or c.row_means]


@pytest.mark.parametrize("cell", MIXING, ids=lambda cell: cell.name)
def test_the_stages_of_a_step_that_mixes_units_are_its_equations(cell) -> None:
    """Run one after the other on tensors, with products and means between them, they give the cell's new states."""
    units, graph = 5, cell.graph
    values = {node: torch.randn(units, dtype=torch.float64) for node in graph.inputs.values()}
    blocks = {f"u_{gate}": torch.randn(units, units, dtype=torch.float64) for gate in cell.gates}

    def mixed(node, operand):
        return blocks[node.args[0].name] @ operand if node.op == "product" else operand.mean().expand(units)

    whole = dict(values)
    for node in topological(graph.next.values()):
        if node.op in ("product", "row_mean"):
            whole[node] = mixed(node, whole[node.args[-1]])
        elif node not in whole and node.op != "symbol":
            (whole[node],) = evaluate([node], whole)
    planes = []
    for stage in stages_of(graph):
        assert len(stage.read) == len(planes)
        there = values | dict(zip(stage.read, planes, strict=True))
        planes += evaluate(stage.written, there)
        planes += [mixed(node, planes[operand]) for node, operand in stage.mixed]
    new = planes[-len(graph.next) :]
    for ours, node in zip(new, graph.next.values(), strict=True):
        assert torch.allclose(ours, whole[node], rtol=0, atol=1e-12)
    assert len(stages_of(graph)) > 1
    with pytest.raises(CellError, match=r"inside its step|means over the units"):
        step_of_unit(cell, "t")


def test_an_elementwise_step_is_one_stage() -> None:
    assert all(len(stages_of(cell.graph)) == 1 for cell in ELEMENTWISE)
