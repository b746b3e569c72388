"""keepgate export: a model as an ONNX file, checked on ONNX Runtime before the command says done."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .console import make_console, print_text
from .inputs import Model
from .output_paths import check_writable

EPILOGUE = """Examples:

  keepgate export my-model --onnx my-model.onnx

The file takes token numbers (vocabulary.json in the model's folder lists the tokens in their order) and gives scores
before the softmax. It needs the extra: pip install 'keepgate[onnx]'."""


def export(
    model: Model,
    /,
    *,
    onnx: Annotated[Path, Parameter(metavar="FILE", help="The ONNX file to write.")],
) -> None:
    """Write a model in a form that runs without keepgate and torch.

    ONNX Runtime runs the file at three shapes that it was not exported with, and the largest difference from the model
    is printed; above 1e-5 the command fails, and no file is written.
    """
    from ..onnx.packages import EXPORT, require_packages

    require_packages(*EXPORT, purpose="an export to ONNX")
    check_writable(onnx)

    from ..onnx import export as export_onnx

    print_text(make_console(), str(export_onnx(model, onnx)))
