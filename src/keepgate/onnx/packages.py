"""The packages that an export needs, which the extra `onnx` brings."""

from importlib.util import find_spec

from ..errors import SettingsError

_NEEDED = ("onnx", "onnxruntime", "onnxscript")


def require_packages() -> None:
    """Raises SettingsError that names what is missing."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"an export to ONNX needs {', '.join(missing)}, not installed here; run: pip install 'keepgate[onnx]'"
        )
