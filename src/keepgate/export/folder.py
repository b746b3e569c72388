"""Atomic folders: written whole or not at all, with a manifest of SHA-256 sums that reading checks."""

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .. import unfinished
from ..errors import BundleError

MANIFEST = "manifest.json"

# A manifest holds a hundred bytes for each of a few files; a larger one is no manifest.
_MANIFEST_LIMIT = 1 << 20

_SHA256 = re.compile("[0-9a-f]{64}")

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, or choose a folder on another disk",
    errno.EDQUOT: "your quota on this disk is used up: free some space, or choose a folder on another disk",
    errno.EFBIG: "files may not grow that large here: raise the limit (`ulimit -f`), or choose another disk",
    errno.EROFS: "this disk can only be read: choose a folder on another one",
    errno.EACCES: "you may not write there: choose a folder of your own, or have its permissions changed",
    errno.EPERM: "you may not write there: choose a folder of your own, or have its permissions changed",
    errno.ENOENT: "there is no such folder: make it, or choose another path",
    errno.ENOTDIR: "a part of that path is a file: choose another path",
    errno.EISDIR: "it is a folder: name a file",
    errno.EEXIST: "a part of that path is a file: choose another path",
    errno.ENAMETOOLONG: "that name is too long: choose a shorter one",
}


def write(folder: Path, files: Mapping[str, bytes], *, kind: str) -> None:
    """Writes files and manifest as `folder`, which is at any instant the old one whole or the new one whole.

    kind: what the folder is, for messages ("model", "checkpoint"). An existing folder is replaced only if
    all it holds are files of these names, so that nothing else can be lost.
    Raises BundleError, with path and remedy, if it cannot be written; what was there is then as it was.
    """
    folder = Path(os.path.realpath(folder))
    writing = unfinished.writing(folder)
    sums = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in sorted(files.items())
    }
    manifest = json.dumps({"files": sums}, indent=2).encode() + b"\n"
    try:
        _refuse_what_is_not_ours(folder, {*files, MANIFEST}, kind)
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished.clear(folder.parent, folder.name)
        writing.mkdir()
        for name, content in {**files, MANIFEST: manifest}.items():
            _write_through(writing / name, content)
        _sync(writing)
        _put_in_place(writing, folder)
        _sync(folder.parent)
    except OSError as fault:
        raise BundleError(cannot_write(kind, folder, sum(map(len, files.values())), fault)) from fault
    finally:
        shutil.rmtree(writing, ignore_errors=True)


def cannot_write(kind: str, path: Path, size: int, fault: OSError) -> str:
    """Why so many bytes cannot be written as `path`, and what to do."""
    return (
        f"cannot write the {kind} {path} ({-(-size // 1000):,} kB): {_reason(fault)}. "
        "Nothing that was there before has changed"
    )


def _reason(fault: OSError) -> str:
    remedy = _REMEDIES.get(fault.errno or 0, "see to that, or choose another folder")
    return f"{fault.strerror or fault}; {remedy}"


def read(
    folder: Path, names: Collection[str], *, kind: str, remedy: str, limits: Mapping[str, int] | None = None
) -> dict[str, bytes]:
    """The bytes of the named files, each checked against the manifest's size and SHA-256.

    remedy: what the reader of an error message is to do. limits: the most bytes of a file, whatever the manifest says.
    Raises BundleError for a folder, manifest or file that is missing, altered, cut short or too long.
    """
    if not folder.exists():
        raise BundleError(f"there is no {kind} at {folder}; check the path")
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is a file, and a {kind} is a folder; give the folder that holds {MANIFEST}"
        )
    sums = _manifest(folder, names, kind, remedy)
    most = limits or {}
    return {
        name: _verified(folder / name, sums[name], most.get(name, sys.maxsize), kind, remedy)
        for name in names
    }


def check_size(folder: Path, name: str, *, kind: str, remedy: str) -> None:
    """Raises BundleError unless the file is a plain one of the size that the manifest says; nothing of it is read."""
    _sized(folder / name, _manifest(folder, [name], kind, remedy)[name], sys.maxsize, kind, remedy)


def remove(folder: Path, *, kind: str) -> None:
    """Removes a folder; it first gets another name, so that no half of it can be read.

    Raises BundleError, with path and remedy, if it cannot be renamed; it is then as it was.
    """
    going = unfinished.writing(folder)
    try:
        folder.rename(going)
    except OSError as fault:
        raise BundleError(f"cannot remove the {kind} {folder}: {_reason(fault)}") from fault
    shutil.rmtree(going, ignore_errors=True)


def _refuse_what_is_not_ours(folder: Path, names: Collection[str], kind: str) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(
            f"{folder} is a file, and a {kind} is a folder; choose another path, or remove the file"
        )
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in names)
    if foreign:
        raise BundleError(
            f"{folder} holds {', '.join(foreign[:3])}{' and more' if len(foreign) > 3 else ''}, no part of a "
            f"{kind}, which would be lost; choose another folder"
        )


def _write_through(path: Path, content: bytes) -> None:
    """Writes a new file and waits until the disk has it."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Waits until the disk has the folder's list of names; Windows cannot be asked and sees to it itself."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_in_place(new: Path, folder: Path) -> None:
    """Gives `new` the name `folder` in one step; the folder that had it, if any, is left as `new`."""
    if not folder.exists() or not any(folder.iterdir()):
        new.rename(folder) if os.name != "nt" or not folder.exists() else _rename_twice(new, folder)
    elif not _exchange(new, folder):
        _rename_twice(new, folder)


def _exchange(new: Path, folder: Path) -> bool:
    """Whether the system could swap two names in one step: Linux's renameat2, Darwin's renameatx_np."""
    call, current = {"linux": ("renameat2", -100), "darwin": ("renameatx_np", -2)}.get(sys.platform, ("", 0))
    function = getattr(ctypes.CDLL(None, use_errno=True), call, None) if call else None
    # Both systems give the flag "exchange" the value 2.
    return function is not None and function(current, os.fsencode(new), current, os.fsencode(folder), 2) == 0


def _rename_twice(new: Path, folder: Path) -> None:
    """Where names cannot be swapped: for an instant neither has the name; a fault puts the old one back."""
    old = unfinished.replaced(folder)
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _manifest(folder: Path, names: Collection[str], kind: str, remedy: str) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise BundleError(f"{folder} is no {kind}: it has no {MANIFEST}; {remedy}")
    content = _regular(path, _MANIFEST_LIMIT, kind, remedy)
    try:
        sums = json.loads(content)["files"]
        sound = all(
            _SHA256.fullmatch(entry["sha256"]) and type(entry["bytes"]) is int for entry in sums.values()
        )
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise BundleError(f"{path} is not a manifest that keepgate wrote; {remedy}")
    missing = sorted(set(names) - set(sums))
    if missing:
        raise BundleError(f"{path} does not list {', '.join(missing)}, which a {kind} needs; {remedy}")
    return dict(sums)


def _verified(path: Path, entry: Mapping[str, Any], limit: int, kind: str, remedy: str) -> bytes:
    _sized(path, entry, limit, kind, remedy)
    content = _regular(path, entry["bytes"], kind, remedy)
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry["sha256"]:
        raise BundleError(
            f"{path} has been altered: its SHA-256 is {digest[:12]}…, and the {kind} was written with "
            f"{entry['sha256'][:12]}…; {remedy}"
        )
    return content


def _sized(path: Path, entry: Mapping[str, Any], limit: int, kind: str, remedy: str) -> None:
    if not path.exists():
        raise BundleError(f"{path} is missing from the {kind}; {remedy}")
    size = _size(path, min(limit, entry["bytes"]), kind, remedy)
    if size < entry["bytes"]:
        raise BundleError(f"{path} is cut short: it has {size} of its {entry['bytes']} bytes; {remedy}")


def _size(path: Path, limit: int, kind: str, remedy: str) -> int:
    """The size of a plain file no longer than `limit` bytes; a pipe or a device is never opened."""
    try:
        status = path.stat()
    except OSError as fault:
        raise BundleError(f"cannot read {path}: {fault.strerror or fault}; {remedy}") from fault
    if not stat.S_ISREG(status.st_mode):
        raise BundleError(f"{path} is not a plain file; {remedy}")
    if status.st_size > limit:
        raise BundleError(
            f"{path} has {status.st_size} bytes, and in this {kind} it may have {limit}; {remedy}"
        )
    return status.st_size


def _regular(path: Path, limit: int, kind: str, remedy: str) -> bytes:
    _size(path, limit, kind, remedy)
    try:
        return path.read_bytes()
    except OSError as fault:
        raise BundleError(f"cannot read {path}: {fault.strerror or fault}; {remedy}") from fault
