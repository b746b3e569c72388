"""keepgate export: a model as an ONNX file, checked on ONNX Runtime before the command says done, or as C99."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import SettingsError
from .console import make_console, print_text
from .inputs import Model
from .output_paths import check_writable

EPILOGUE = """Examples:

  keepgate export my-model --onnx my-model.onnx
  keepgate export my-model --c firmware/my-model
  keepgate export my-model --fixed-bytes

Both take token numbers (vocabulary.json in the model's folder lists the tokens in their order, from 2), or of a
classifier of series and a forecaster values in their own units, and give scores before the softmax (of a
multilabel classifier 0 or more where a label is given). --onnx needs the
extra: pip install 'keepgate[onnx]'; of a tagger it gives emissions and the scores of the CRF's moves.
--c writes NAME.h and NAME.c, which need no library and allocate nothing: of a tagger they give the tags too, of a span
reader the answer's tokens."""


def export(
    model: Model,
    /,
    *,
    onnx: Annotated[Path | None, Parameter(metavar="FILE", help="The ONNX file to write.")] = None,
    c: Annotated[
        Path | None, Parameter(name="--c", metavar="DIR", help="The folder for a C99 header and source.")
    ] = None,
    fixed_bytes: Annotated[
        bool, Parameter(help="Print the bytes that the C takes: weights, state, workspace a step.")
    ] = False,
) -> None:
    """Write a model in a form that runs without keepgate and torch.

    ONNX Runtime runs the file at three shapes that it was not exported with, and the largest difference from the model
    is printed; above 1e-5, and above the model's own rounding, the command fails, and no file is written.
    """
    if onnx is None and c is None and not fixed_bytes:
        raise SettingsError("nothing says what to write; give --onnx FILE, --c DIR or --fixed-bytes")
    console = make_console()
    if onnx is not None:
        from ..onnx.packages import EXPORT, require_packages

        require_packages(*EXPORT, purpose="an export to ONNX")
        check_writable(onnx)

        from ..onnx import export as export_onnx

        print_text(console, str(export_onnx(model, onnx)))
    if c is not None or fixed_bytes:
        from ..c99 import export as export_c

        result = export_c(model, c)
        if c is not None:
            print_text(console, f"{' and '.join(str(c / name) for name in result.files)} written")
        if fixed_bytes:
            print_text(console, str(result))
