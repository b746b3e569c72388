"""MODEL ↔ FILES: folders written whole or not at all, and believed only if every byte is as written."""

from .bundle import load, save

__all__ = ["load", "save"]
