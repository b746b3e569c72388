"""The page: trained networks side by side over one text, in a browser, from a server on this machine."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
