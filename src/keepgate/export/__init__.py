"""MODEL ↔ FILES: folders that are written whole or not at all, and believed only when every byte is as it was written."""

from .bundle import load, save

__all__ = ["load", "save"]
