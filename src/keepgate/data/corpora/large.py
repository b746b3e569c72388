"""Which files are too large to be read whole."""

from pathlib import Path

# A larger file, in bytes, stays on the disk and is read piece by piece.
LARGE = 1 << 28


def is_large(path: str | Path) -> bool:
    """Whether a file stays on the disk where its kind of data can."""
    return Path(path).is_file() and Path(path).stat().st_size > LARGE
