"""export: a layer, a model folder or a whole torch model → an ONNX file that has been checked."""

import logging
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ExportError, KeepgateError
from ..export.file import write_file
from ..export.folder import cannot_write
from ..nn.eval_mode import eval_mode
from ..swapping import swap
from ..swapping.candidates import ALREADY_OURS
from ..swapping.swap import to_torchs
from .bundle import network_of
from .check import check_on_runtime, free_dimensions
from .flat_model import FlatModel
from .packages import EXPORT, require_packages

# What protobuf, the format of an ONNX file, can hold.
_LARGEST = 2**31


@dataclass(frozen=True, kw_only=True)
class OnnxReport:
    """What was written, and how it was checked; it prints as lines.

    inputs, outputs: names with their dimensions, a name for one that may change. operators: how often each recurrent
    one stands in the graph. shapes: of the inputs in each checked run. difference: the largest between ONNX Runtime
    and the model, of each number relative to its size where that is above 1. rounding: where that is above 1e-5, how
    far the model and ONNX Runtime are from the model's numbers in float64.
    """

    file: Path
    size: int
    inputs: dict[str, tuple[int | str, ...]]
    outputs: dict[str, tuple[int | str, ...]]
    operators: dict[str, int]
    shapes: tuple[dict[str, tuple[int, ...]], ...]
    difference: float
    rounding: tuple[float, float] | None = None

    def __str__(self) -> str:
        operators = (
            ", ".join(f"{count} {name}" for name, count in self.operators.items()) or "no recurrent operator"
        )
        lines = [f"{self.file}: {self.size:,} bytes, {operators}"]
        for title, tensors in (("input", self.inputs), ("output", self.outputs)):
            lines += [f"  {title} {name} [{', '.join(map(str, dims))}]" for name, dims in tensors.items()]
        for shape in self.shapes:
            lines.append("  checked at " + ", ".join(f"{name} {list(dims)}" for name, dims in shape.items()))
        lines.append(f"  largest difference on ONNX Runtime: {self.difference:.2g}")
        if self.rounding is not None:
            model, file = self.rounding
            lines.append(
                f"  from the model in float64: the model itself {model:.2g}, ONNX Runtime {file:.2g}"
            )
        return "\n".join(lines)


def export(
    module: nn.Module | str | Path, file: str | Path, example: Any = None, *, streaming: bool = False
) -> OnnxReport:
    """Writes a model as ONNX, after ONNX Runtime has given its numbers at three other shapes.

    module:  a layer, any torch model (torch.nn's recurrent layers in it are exported as keepgate's, and are torch's
             again afterwards), a task model, or the folder of one.
    example: what it is called with: a tensor, a tuple of arguments, a dict of keywords; of the form that the file
             will take, with two rows and three steps or more, so that neither is taken for a constant. A task model
             needs none. Names of arguments are names of inputs; a layer's are input, h_0, c_0, lengths, its outputs
             output, h_n, c_n.
    streaming: for a model that is given a stream in pieces: the states of every recurrent layer are inputs and
             outputs too.

    Where ONNX has the cell it is one operator, with `lengths` as its sequence_lens; others are a Scan, whose body is
    the cell's equations. Raises ExportError, and writes nothing, where torch cannot export the model or the check
    finds a difference above 1e-5 that is not the model's own rounding, by its numbers in float64, or where the file
    cannot be written; SettingsError for an example that does not fit.
    """
    require_packages(*EXPORT, purpose="an export to ONNX")
    from .layer_model import layer_model

    network, example = network_of(module, example)
    with eval_mode(network), torch.no_grad(), _swapped(network):
        flat = FlatModel(network, example, streaming=streaming)
        model = _as_proto(layer_model(flat) or _exported(flat))
        free = free_dimensions(model, flat)
        content: bytes = model.SerializeToString()
        checked = check_on_runtime(content, flat, free, streaming=streaming)
    path = Path(os.fspath(file))
    try:
        write_file(path, content)
    except OSError as fault:
        raise ExportError(cannot_write("ONNX file", path, len(content), fault)) from fault
    counts = Counter(node.op_type for node in model.graph.node)
    return OnnxReport(
        file=path,
        size=len(content),
        inputs=_shapes(model.graph.input),
        outputs=_shapes(model.graph.output),
        operators={name: counts[name] for name in ("LSTM", "GRU", "RNN", "Scan") if counts[name]},
        shapes=checked.shapes,
        difference=checked.difference.largest,
        rounding=(checked.difference.model, checked.difference.file) if checked.difference.model else None,
    )


@contextmanager
def _swapped(model: nn.Module) -> Iterator[None]:
    """With torch's recurrent layers in the model ours."""
    report = swap(model)
    left = [layer for layer in report.layers if not layer.swapped and layer.reason != ALREADY_OURS]
    try:
        yield
    except ExportError as error:
        if not left:
            raise
        reasons = "; ".join(f"{layer.name or 'the model'}: {layer.reason}" for layer in left)
        raise ExportError(
            f"{error} (torch's exporter had to write down layers that cannot be swapped, {reasons})"
        ) from error
    finally:
        to_torchs({name: model.get_submodule(name) for name in report.swapped})


def _exported(flat: FlatModel) -> Any:
    """What torch's exporter makes of it, as onnx_ir's Model. Raises ExportError where torch cannot export the model."""
    from .layer_model import OPSET
    from .translation import translation_table

    auto = torch.export.Dim.AUTO
    tensors = tuple(tensor for _, tensor in flat.inputs)
    free = tuple(dict.fromkeys(range(tensor.dim()), auto) for tensor in tensors)
    # They log which other packages are not installed, that our translation is taken as it is, and what is not merged.
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                flat, tensors, dynamo=True, verbose=False, dynamic_shapes=(free,), opset_version=OPSET,
                input_names=[name for name, _ in flat.inputs], output_names=flat.output_names,
                custom_translation_table=translation_table(), external_data=False,
            )  # fmt: skip
    except Exception as error:
        raise ExportError(_reason(error)) from error
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
    return program.model


def _as_proto(model: Any) -> Any:
    """The onnx ModelProto, with what follows from weights alone computed: gates stand in the operators' order."""
    import onnx_ir as ir
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass, RemoveUnusedNodesPass
    from onnxscript.optimizer import fold_constants

    everything = 1 << 62
    fold_constants(
        model, onnx_shape_inference=False, input_size_limit=everything, output_size_limit=everything
    )
    RemoveUnusedNodesPass()(model)
    # With each node torch writes down where its source stands on this machine.
    ClearMetadataAndDocStringPass()(model)
    size = sum(value.const_value.nbytes for value in model.graph.initializers.values())
    if size >= _LARGEST:
        raise ExportError(
            f"the model's weights have {size:,} bytes, and an ONNX file holds fewer than {_LARGEST:,}; export its parts"
        )
    return ir.to_proto(model)


def _reason(error: Exception) -> str:
    """The innermost cause that says something, in one line."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    own = next((cause for cause in chain if isinstance(cause, KeepgateError)), None)
    if own is not None:
        return str(own)
    lines = [line.strip() for line in str(chain[-1]).splitlines() if line.strip()]
    return (
        f"torch cannot export this model: {type(chain[-1]).__name__}: {lines[0] if lines else ''}; a model that packs "
        "its rows exports when it gives lengths= to keepgate's layer instead, and no Python may depend on numbers"
    )


def _shapes(entries: Any) -> dict[str, tuple[int | str, ...]]:
    return {
        entry.name: tuple(dim.dim_param or dim.dim_value for dim in entry.type.tensor_type.shape.dim)
        for entry in entries
    }
