"""ONNX files: layers, model folders and whole torch models out, each checked on ONNX Runtime; and ONNX files in."""

from .export import OnnxReport, export
from .reading import OnnxModel, load, load_layers

__all__ = ["OnnxModel", "OnnxReport", "export", "load", "load_layers"]
