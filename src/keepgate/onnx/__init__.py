"""Models as ONNX files: layers, model folders and whole torch models out, each checked on ONNX Runtime."""

from .export import OnnxReport, export

__all__ = ["OnnxReport", "export"]
