"""MODEL ↔ FILES: model folders, written atomically and verified by checksums when they are loaded."""

from .bundle import load, save

__all__ = ["load", "save"]
