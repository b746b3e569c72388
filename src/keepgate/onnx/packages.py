"""The packages that ONNX files need, which the extra `onnx` brings."""

from importlib.util import find_spec

from ..errors import SettingsError

EXPORT = ("onnx", "onnxruntime", "onnxscript")


def require_packages(*names: str, purpose: str) -> None:
    """Raises SettingsError that names what is missing. purpose: the subject of the message, "an export to ONNX"."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"{purpose} needs {', '.join(missing)}, not installed here; run: pip install 'keepgate[onnx]'"
        )
