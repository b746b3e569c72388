"""Files and folders that a command will write: refused before the work, not after it."""

import os
from pathlib import Path

from ..errors import BundleError


def check_writable(path: Path) -> None:
    """Raises BundleError if no file can be written at `path`; makes the folder that it is to stand in.

    What is there stays as it is, a device such as /dev/null too; nothing stays where nothing was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() or path.is_dir():
            with path.open("ab"):
                pass
        elif not path.exists():
            with path.open("xb"):
                pass
            path.unlink()
    except OSError as fault:
        raise _cannot(path, fault, "file") from fault


def check_writable_folder(path: Path) -> None:
    """Raises BundleError if nothing can be written into a folder at `path`; makes it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "permission denied")
    except OSError as fault:
        raise _cannot(path, fault, "folder") from fault


def _cannot(path: Path, fault: OSError, kind: str) -> BundleError:
    reason = (fault.strerror or str(fault)).lower()
    if isinstance(fault, FileExistsError | NotADirectoryError):
        reason = "a part of this path is a file, and a folder was expected"
    elif isinstance(fault, IsADirectoryError):
        reason = "it is a folder, and a file was expected"
    return BundleError(f"cannot write {path}: {reason}; name another {kind}")
