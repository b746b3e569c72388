"""Atomic file writes."""

import contextlib
import os
from pathlib import Path

from ..unfinished import clear, writing


def write_file(path: str | Path, content: bytes) -> Path:
    """The path, where at any instant the old file is whole or the new one is.

    Raises OSError if it cannot be written; what was there is then as it was.
    """
    path = Path(path)
    real = Path(os.path.realpath(path))
    unfinished = writing(real)
    try:
        if real.exists() and not real.is_file():
            # A pipe or a device takes what is written and is not replaced; a folder says what it is.
            real.write_bytes(content)
        else:
            clear(real.parent, real.name)
            unfinished.write_bytes(content)
            os.replace(unfinished, real)
    except OSError as fault:
        fault.filename, fault.filename2 = os.fspath(path), None
        raise
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    return path
