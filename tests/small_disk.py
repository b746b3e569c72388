"""A disk that is soon full: a real one, in memory, where the tests may mount one; they are skipped elsewhere."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(path: Path, *, kilobytes: int) -> Iterator[Path]:
    """An empty disk of that size, mounted at a new folder `path`."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        # Only who may mount can run these, and only where there is tmpfs: root on Linux, as in CI. For all others the
        # tests beside them that limit the size of files take the same paths, so that nothing goes untested.
        pytest.skip(f"no disk can be mounted here: {fault}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)
