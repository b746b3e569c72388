"""MODEL ↔ FILES: model folders, written atomically and verified by checksums when they are loaded."""

from ..lazy import lazy_exports

__all__ = ["load", "save"]

__getattr__, __dir__ = lazy_exports(__name__, {"bundle": __all__})
