"""MODEL ↔ FILES: model folders, written atomically and verified by checksums when they are loaded."""

from ..lazy import lazy

__all__ = ["load", "save"]

__getattr__, __dir__ = lazy(__name__, {"bundle": __all__})
