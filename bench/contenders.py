"""Who is measured: keepgate, torch.nn, ONNX Runtime, a JAX scan, and the loop of someone with a cell of their own.

Each builder gives a `Runner` for one problem and mode. What it needs is imported in the builder, so that a peer that is
not installed is missed by name and the others go on.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import keepgate
from bench.clock import Contender
from bench.problem import LITERATURE, Mode, Problem
from keepgate import cells
from keepgate.equations import Cell

# What is asked of a layer beside the plain cell, by the name of the option, with the values that papers use.
VARIANTS: dict[str, dict[str, Any]] = {
    "layer_norm": {"layer_norm": True},
    "zoneout": {"zoneout": (0.05, 0.5)},
    "recurrent_dropout": {"recurrent_dropout": 0.25},
    "weight_drop": {"weight_drop": 0.5},
}
CELL_OF: dict[str, Cell] = {"LSTM": cells.lstm, "GRU": cells.gru, "RNN": cells.rnn_tanh}


@dataclass(frozen=True, kw_only=True)
class Runner:
    """call:    one inference, or one training step: forward, and backward from `d_output`.
    before:  what makes the next call start as a fresh step would; None if nothing does.
    results: by name, what the call left: output, and in training d_x and the gradients of the weights.
    """

    call: Callable[[], object]
    before: Callable[[], object] | None
    results: Callable[[], dict[str, Tensor]]

    def contender(self, threads: int, *, rare: bool = False) -> Contender:
        return Contender(call=self.call, before=self.before, threads=threads, rare=rare)


class Math(NamedTuple):
    """What a step needs beside + and *, of torch or of JAX."""

    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    split: Callable[[Any, int], Sequence[Any]]


def of_layer(
    layer: nn.Module, problem: Problem, mode: Mode, run: Callable[[nn.Module, Tensor], Tensor]
) -> Runner:
    """A torch module; `run` gives the output of its call on x."""
    layer.train(mode == "training")
    left: dict[str, Tensor] = {}
    x = problem.x_TBI.clone().requires_grad_(mode == "training")
    weights = dict(layer.named_parameters())

    def infer() -> None:
        with torch.no_grad():
            left["output"] = run(layer, x)

    def train() -> None:
        left["output"] = output = run(layer, x)
        output.backward(problem.d_output_TBH)

    def before() -> None:
        """A step finds no gradients, and weights that the optimiser has just changed: nothing packed before will do."""
        left.clear()
        for tensor in (x, *weights.values()):
            tensor.grad = None
        with torch.no_grad():
            for weight in weights.values():
                weight.view(-1)[:1].neg_()

    def results() -> dict[str, Tensor]:
        grads = {f"d_{name.removesuffix('_l0')}": weight.grad for name, weight in weights.items()}
        found = {"output": left["output"].detach(), "d_x": x.grad, **grads}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    return Runner(
        call=infer if mode == "inference" else train,
        before=None if mode == "inference" else before,
        results=results,
    )


def ours(problem: Problem, *, kernel: str | None = None) -> nn.Module:
    """keepgate's layer with the problem's weights."""
    sizes = problem.shape.input, problem.shape.hidden
    if problem.cell in LITERATURE:
        layer = keepgate.Recurrent(LITERATURE[problem.cell], *sizes, dtype=problem.dtype, kernel=kernel)
    else:
        layer = getattr(keepgate, problem.cell)(*sizes, dtype=problem.dtype, kernel=kernel)
    layer.load_state_dict(problem.layer.state_dict())
    return layer


def theirs(problem: Problem) -> nn.Module:
    """torch.nn's layer with the problem's weights, not shared with any other."""
    layer = getattr(nn, problem.cell)(problem.shape.input, problem.shape.hidden)
    layer.load_state_dict(problem.layer.state_dict())
    return layer


def keepgate_layer(problem: Problem, mode: Mode) -> Runner:
    return of_layer(ours(problem), problem, mode, lambda layer, x: layer(x)[0])


def keepgate_reference(problem: Problem, mode: Mode) -> Runner:
    """The reference: the cell's step called once a step."""
    return of_layer(ours(problem, kernel="reference"), problem, mode, lambda layer, x: layer(x)[0])


def keepgate_frozen(problem: Problem, mode: Mode) -> Runner:
    """With weights that are trusted and packed once."""
    layer = ours(problem)
    keepgate.freeze(layer)
    return of_layer(layer, problem, mode, lambda layer, x: layer(x)[0])


def keepgate_user(problem: Problem, mode: Mode) -> Runner:
    """A user's own copy of the cell: another object with the same equations, which the core has not compiled."""
    copied = replace(CELL_OF[problem.cell], name=f"my_{problem.cell.lower()}")
    layer = keepgate.Recurrent(copied, problem.shape.input, problem.shape.hidden, dtype=problem.dtype)
    layer.load_state_dict(problem.layer.state_dict())
    return of_layer(layer, problem, mode, lambda layer, x: layer(x)[0])


def keepgate_variant(problem: Problem, mode: Mode, name: str, *, kernel: str | None = None) -> Runner:
    """A layer with one of VARIANTS. Its masks, in the first call, are of the problem's seed."""
    torch.manual_seed(problem.seed)
    options = dict(VARIANTS[name])
    if problem.cell == "GRU" and name == "zoneout":
        options["zoneout"] = options["zoneout"][0], 0.0  # a GRU has no other state
    layer = getattr(keepgate, problem.cell)(
        problem.shape.input, problem.shape.hidden, kernel=kernel, **options
    )
    runner = of_layer(layer.to(problem.dtype), problem, mode, lambda layer, x: layer(x)[0])
    torch.manual_seed(problem.seed)
    return runner


def keepgate_trace(problem: Problem, mode: Mode) -> Runner:
    return of_layer(ours(problem), problem, mode, lambda layer, x: layer.trace(x).output)


def torch_nn(problem: Problem, mode: Mode) -> Runner:
    return of_layer(theirs(problem), problem, mode, lambda layer, x: layer(x)[0])


def keepgate_ragged(problem: Problem, mode: Mode) -> Runner:
    return of_layer(ours(problem), problem, mode, lambda layer, x: layer(x, lengths=problem.lengths)[0])


def torch_packed(problem: Problem, mode: Mode) -> Runner:
    """torch's way with ragged rows: pack, run, and pad again, so that both give and take the same."""
    pack, pad = nn.utils.rnn.pack_padded_sequence, nn.utils.rnn.pad_packed_sequence

    def run(layer: nn.Module, x: Tensor) -> Tensor:
        return pad(layer(pack(x, problem.lengths, enforce_sorted=False))[0], total_length=len(x))[0]

    return of_layer(theirs(problem), problem, mode, run)


def onnx_runtime(problem: Problem, mode: Mode, *, threads: int) -> Runner:
    """ONNX Runtime's operator of that cell. Raises ImportError without onnx and onnxruntime."""
    assert mode == "inference", "ONNX Runtime's operators have no gradients"
    session = onnx_session(problem, threads=threads)
    x = problem.x_TBI.numpy()
    left: dict[str, np.ndarray] = {}

    def infer() -> None:
        left["output"] = session.run(None, {"X": x})[0]

    return Runner(
        call=infer, before=None, results=lambda: {"output": torch.from_numpy(left["output"]).squeeze(1)}
    )


def onnx_session(problem: Problem, *, threads: int, steps: bool = False) -> Any:
    """A session of one operator. steps: states go in and come out, as a stream needs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Its threads may spin within a call, as they do by default, but not into the next one's turn.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    model = onnx_model(problem, steps)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnx_model(problem: Problem, steps: bool) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    cell = CELL_OF[problem.cell]
    assert cell.onnx is not None
    blocks = [cell.gates.index(gate) for gate in cell.onnx.gates.split()]

    def ordered(name: str) -> np.ndarray:
        parts = problem.weights[name].numpy().reshape(len(cell.gates), problem.shape.hidden, -1)
        return np.concatenate([parts[block] for block in blocks])[None]

    biases = np.concatenate([ordered("bias_ih"), ordered("bias_hh")], axis=1)[..., 0]
    constants = {"W": ordered("weight_ih"), "R": ordered("weight_hh"), "B": biases}
    options: dict[str, Any] = {"hidden_size": problem.shape.hidden}
    if problem.cell == "GRU":
        options["linear_before_reset"] = cell.onnx.linear_before_reset
    states = [f"initial_{name}" for name in cell.states] if steps else []
    finals = [f"Y_{name}" for name in cell.states]
    node = helper.make_node(
        cell.onnx.operator, ["X", "W", "R", "B", *([""] if steps else []), *states], ["Y", *finals], **options
    )

    def value(name: str, *sizes: int | None) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)

    hidden, rows = problem.shape.hidden, problem.shape.rows
    graph = helper.make_graph(
        [node], problem.cell,
        [value("X", None, rows, problem.shape.input), *[value(name, 1, rows, hidden) for name in states]],
        [value("Y", None, 1, rows, hidden), *[value(name, 1, rows, hidden) for name in finals]],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


def python_loop(problem: Problem, mode: Mode) -> Runner:
    """A layer as people write it for a cell of their own: torch's operations, one step after the other."""

    def run(layer: nn.Module, x: Tensor) -> Tensor:
        math = Math(torch.sigmoid, torch.tanh, lambda gates, n: gates.chunk(n, -1))
        wx_T = torch.nn.functional.linear(x, layer.weight_ih_l0, layer.bias_ih_l0)
        zeros = x.new_zeros(problem.shape.rows, problem.shape.hidden)
        states: Sequence[Tensor] = [zeros] * len(CELL_OF[problem.cell].states)
        output = []
        for wx in wx_T:
            uh = torch.nn.functional.linear(states[0], layer.weight_hh_l0, layer.bias_hh_l0)
            states = _STEPS[problem.cell](wx, uh, states, math)
            output.append(states[0])
        return torch.stack(output)

    return of_layer(theirs(problem), problem, mode, run)


def jax_scan(problem: Problem, mode: Mode) -> Runner:
    """The same loop as a compiled lax.scan. Raises ImportError without jax. It uses every core of the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jax
    jnp = jax.numpy
    math = Math(jax.nn.sigmoid, jnp.tanh, lambda gates, n: jnp.split(gates, n, -1))
    weights = {name: jnp.asarray(weight.numpy()) for name, weight in problem.weights.items()}
    x, d_output = jnp.asarray(problem.x_TBI.numpy()), jnp.asarray(problem.d_output_TBH.numpy())

    def forward(weights: Any, x: Any) -> Any:
        def one(states: Any, wx: Any) -> Any:
            uh = states[0] @ weights["weight_hh"].T + weights["bias_hh"]
            after = _STEPS[problem.cell](wx, uh, states, math)
            return after, after[0]

        zeros = jnp.zeros((problem.shape.rows, problem.shape.hidden), x.dtype)
        states = (zeros,) * len(CELL_OF[problem.cell].states)
        return jax.lax.scan(one, states, x @ weights["weight_ih"].T + weights["bias_ih"])[1]

    @jax.jit
    def train(weights: Any, x: Any, d_output: Any) -> Any:
        output, backward = jax.vjp(forward, weights, x)
        return output, *backward(d_output)

    infer, left = jax.jit(forward), {}

    def call() -> None:
        run = (lambda: (infer(weights, x),)) if mode == "inference" else (lambda: train(weights, x, d_output))
        left["all"] = jax.block_until_ready(run())

    def results() -> dict[str, Tensor]:
        output, *grads = left["all"]
        found = {"output": output}
        if grads:
            found |= {f"d_{name}": grad for name, grad in grads[0].items()} | {"d_x": grads[1]}
        return {name: torch.from_numpy(np.array(array)) for name, array in found.items()}

    return Runner(call=call, before=None, results=results)


def _lstm(wx: Any, uh: Any, states: Any, math: Math) -> Sequence[Any]:
    i, f, g, o = math.split(wx + uh, 4)
    c = math.sigmoid(f) * states[1] + math.sigmoid(i) * math.tanh(g)
    return math.sigmoid(o) * math.tanh(c), c


def _gru(wx: Any, uh: Any, states: Any, math: Math) -> Sequence[Any]:
    (wx_r, wx_z, wx_n), (uh_r, uh_z, uh_n) = math.split(wx, 3), math.split(uh, 3)
    r, z = math.sigmoid(wx_r + uh_r), math.sigmoid(wx_z + uh_z)
    n = math.tanh(wx_n + r * uh_n)
    return ((1 - z) * n + z * states[0],)


def _rnn(wx: Any, uh: Any, states: Any, math: Math) -> Sequence[Any]:  # noqa: ARG001 - every step has the signature of all
    return (math.tanh(wx + uh),)


# Written by hand, not taken from keepgate's cells: a second opinion on the equations, and what a user would write.
_STEPS: dict[str, Callable[[Any, Any, Any, Math], Sequence[Any]]] = {"LSTM": _lstm, "GRU": _gru, "RNN": _rnn}
