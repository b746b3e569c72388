"""A disk that is soon full: a real one, in memory. Who may not mount one runs the test as root of a user namespace."""

import contextlib
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.tools import NAMESPACE, allowed


@contextlib.contextmanager
def _mounted(path: Path, kilobytes: int) -> Iterator[Path]:
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
    subprocess.run(mount, check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def on_a_small_disk(kilobytes: int) -> Callable[[Callable[..., None]], Callable[[Path], None]]:
    """Gives a test an empty disk of that size as `disk`, and `tmp_path` as ever if it names it."""

    def decorate(test: Callable[..., None]) -> Callable[[Path], None]:
        def run(tmp_path: Path) -> None:
            if os.geteuid() == 0:
                with _mounted(tmp_path / "disk", kilobytes) as disk:
                    places = {"disk": disk, "tmp_path": tmp_path}
                    test(**{name: places[name] for name in inspect.signature(test).parameters})
                return
            node = os.environ["PYTEST_CURRENT_TEST"].rsplit(" ", 1)[0]
            quiet = ["-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'again'}"]
            again = [*NAMESPACE, sys.executable, "-m", "pytest", *quiet, node]
            inside = subprocess.run(again, capture_output=True, text=True, check=False)
            assert inside.returncode == 0, inside.stdout
            assert "1 passed" in inside.stdout

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return allowed("mounting a disk")(run)

    return decorate
