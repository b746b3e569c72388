"""Files and folders that are being written or removed: their names, and what a killed process left under them."""

import contextlib
import glob
import os
import shutil
from pathlib import Path


def writing(path: Path) -> Path:
    """Where this process writes what is to be `path`, or puts what is to go from there."""
    return path.with_name(f".{path.name}.writing-{os.getpid()}")


def replaced(path: Path) -> Path:
    """Where this process puts what was at `path`, until the new one is there."""
    return path.with_name(f".{path.name}.replaced-{os.getpid()}")


def clear(parent: Path, name: str = "*") -> None:
    """Removes what processes that were killed left of files and folders of this name; what was replaced goes back.

    Back only where the new one never came to its place.
    """
    pattern = f".{'*' if name == '*' else glob.escape(name)}."
    for left in [*parent.glob(f"{pattern}replaced-*"), *parent.glob(f"{pattern}writing-*")]:
        stem, _, process = left.name.rpartition("-")
        if not process.isdecimal() or _alive(int(process)):
            continue
        place = parent / stem[1:].rpartition(".")[0]
        with contextlib.suppress(OSError):
            if stem.endswith(".replaced") and not place.exists():
                left.rename(place)
            else:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _alive(process: int) -> bool:
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
