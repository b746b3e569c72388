"""ONNX file → torch module, its recurrent nodes layers of ours."""

from .load import OnnxModel, load, load_layers

__all__ = ["OnnxModel", "load", "load_layers"]
