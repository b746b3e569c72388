"""Inference engines beside ours: OpenVINO, ncnn and LiteRT, each with the problem's weights in its own form.

Each builder gives a `Runner` and imports its package inside. What a package lacks, one row at a time or a cell, is a
`Lacking`, which is shown as missing.
"""

from collections.abc import Callable

import numpy as np
import torch

from bench.contenders import CELL_OF, Runner, onnx_model
from bench.problem import Problem


class Lacking(ImportError):
    """The package has no such cell, or takes no such shape."""


def runner_of(infer: Callable[[], np.ndarray]) -> Runner:
    """A runner of what gives [time, batch, units] as numpy."""
    left: dict[str, np.ndarray] = {}

    def call() -> None:
        left["output"] = infer()

    return Runner(call=call, before=None, results=lambda: {"output": torch.from_numpy(left["output"])})


def openvino(problem: Problem, threads: int) -> Runner:
    """The ONNX operator, compiled for this very shape, in float32 also where the processor has bfloat16."""
    import openvino

    core = openvino.Core()
    model = core.read_model(model=onnx_model(problem, steps=False))
    model.reshape({"X": list(problem.x_TBI.shape)})
    options = {
        "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
    }  # fmt: skip
    request, x = core.compile_model(model, "CPU", options).create_infer_request(), problem.x_TBI.numpy()
    return runner_of(lambda: request.infer({"X": x}, share_outputs=True)[0].squeeze(1))


def ncnn(problem: Problem, threads: int) -> Runner:
    """ncnn's layer of that cell, which reads one sequence at a time. Its gates: LSTM I F O G, GRU R U N."""
    import ncnn

    steps, rows, inputs, hidden = problem.shape
    if rows > 1:
        raise Lacking("ncnn's layers read one sequence, not a batch")
    gates = len(CELL_OF[problem.cell].gates)
    weights = {name: value.numpy() for name, value in problem.weights.items()}
    order = [0, 1, 3, 2] if problem.cell == "LSTM" else list(range(gates))

    def ordered(array: np.ndarray) -> np.ndarray:
        return array.reshape(gates, hidden, -1)[order]

    bias = ordered(weights["bias_ih"] + weights["bias_hh"])
    if problem.cell == "GRU":  # the candidate's two biases apart
        candidate = [ordered(weights[name])[2:] for name in ("bias_ih", "bias_hh")]
        bias = np.concatenate([bias[:2], *candidate])
    blobs = [ordered(weights["weight_ih"]), bias, ordered(weights["weight_hh"])]
    flag = np.zeros(1, np.uint32).tobytes()  # float32
    net = ncnn.Net()
    net.opt.num_threads = threads
    net.load_param_mem(
        f"7767517\n2 2\nInput x 0 1 x\n{problem.cell} layer 1 1 x y 0={hidden} 1={gates * hidden * inputs} 2=0\n"
    )
    net.load_model_mem(b"".join(flag + np.ascontiguousarray(blob, np.float32).tobytes() for blob in blobs))
    x = np.ascontiguousarray(problem.x_TBI.numpy()[:, 0])

    def infer() -> np.ndarray:
        extractor = net.create_extractor()
        extractor.input("x", ncnn.Mat(x))
        return np.array(extractor.extract("y")[1]).reshape(steps, 1, hidden)

    return runner_of(infer)


def litert(problem: Problem, threads: int) -> Runner:
    """LiteRT's (TensorFlow Lite's) operator over a sequence. It has one for the LSTM and the RNN, none for the GRU."""
    from ai_edge_litert.interpreter import Interpreter

    if problem.cell == "GRU":
        raise Lacking("LiteRT has no operator for a GRU over a sequence")
    interpreter = Interpreter(model_content=_flatbuffer(problem), num_threads=threads)
    interpreter.allocate_tensors()
    place, result = (
        side()[0]["index"] for side in (interpreter.get_input_details, interpreter.get_output_details)
    )
    x = problem.x_TBI.numpy()

    def infer() -> np.ndarray:
        interpreter.reset_all_variables()
        interpreter.set_tensor(place, x)
        interpreter.invoke()
        output: np.ndarray = interpreter.get_tensor(result)
        return output

    return runner_of(infer)


def _flatbuffer(problem: Problem) -> bytes:
    """A model of one operator, in the order of inputs that TensorFlow Lite's schema gives it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    steps, rows, inputs, hidden = problem.shape
    gates = len(CELL_OF[problem.cell].gates)
    cut = {name: np.split(value.numpy(), gates) for name, value in problem.weights.items()}
    bias = [ih + hh for ih, hh in zip(cut["bias_ih"], cut["bias_hh"], strict=True)]
    buffers, tensors = [schema.BufferT()], []

    def tensor(
        name: str, shape: tuple[int, ...], data: np.ndarray | None = None, *, variable: bool = False
    ) -> int:
        made = schema.TensorT()
        made.name, made.shape, made.type, made.isVariable = (
            name,
            list(shape),
            schema.TensorType.FLOAT32,
            variable,
        )
        made.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, np.float32).tobytes(), np.uint8)
            buffers.append(buffer)
            made.buffer = len(buffers) - 1
        tensors.append(made)
        return len(tensors) - 1

    x = tensor("x", (steps, rows, inputs))
    weights = [
        [tensor(f"{name}{k}", part.shape, part) for k, part in enumerate(parts)]
        for name, parts in (("w", cut["weight_ih"]), ("r", cut["weight_hh"]), ("b", bias))
    ]  # fmt: skip
    states = [
        tensor(f"state{k}", (rows, hidden), variable=True) for k in range(len(CELL_OF[problem.cell].states))
    ]
    operator, code = schema.OperatorT(), schema.OperatorCodeT()
    none = [-1]
    if problem.cell == "LSTM":
        # Gates i f g o, no peepholes, no projection, no layer normalisation.
        operator.inputs = [x, *weights[0], *weights[1], *none * 3, *weights[2], *none * 2, *states, *none * 4]
        options = schema.UnidirectionalSequenceLSTMOptionsT()
        operator.builtinOptionsType = schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
        number = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
    else:
        operator.inputs = [x, *weights[0], *weights[1], *weights[2], *states]
        options = schema.SequenceRNNOptionsT()
        operator.builtinOptionsType = schema.BuiltinOptions.SequenceRNNOptions
        number = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_RNN
    options.timeMajor, options.fusedActivationFunction = True, schema.ActivationFunctionType.TANH
    operator.builtinOptions, code.builtinCode, code.deprecatedBuiltinCode, code.version = (
        options,
        number,
        number,
        1,
    )
    operator.outputs = [tensor("y", (steps, rows, hidden))]
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], [x], operator.outputs
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], buffers
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


ENGINES: dict[str, Callable[[Problem, int], Runner]] = {"openvino": openvino, "ncnn": ncnn, "litert": litert}
