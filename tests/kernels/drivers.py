"""The native driver (tests/kernels/native), built for this processor, for another one, or under a sanitizer."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.tools import path_of

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "build"


def tool(name: str) -> str | None:
    """Where a program is: beside this Python, where the Makefile installs cmake and ninja, or on PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def driver(folder: str, *options: str) -> Path:
    """The driver of build/`folder`, compiled anew where a source has changed; `options` are CMake's."""
    cmake, ninja = tool("cmake"), tool("ninja")
    assert cmake, "cmake is missing; `make test` installs it"
    assert ninja, "ninja is missing; `make test` installs it"
    into = BUILD / folder
    into.mkdir(parents=True, exist_ok=True)
    with (into / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want the same driver
        if not (into / "build.ninja").exists():
            settings = ["-DKEEPGATE_MODULE=OFF", "-DKEEPGATE_WERROR=ON", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
            _run([cmake, "-S", str(ROOT), "-B", str(into), "-G", "Ninja", *settings, *options])
        _run([cmake, "--build", str(into), "--target", "driver"])
    return into / "tests/kernels/native/driver"


def driver_here() -> Path:
    """The driver for this processor, with the kernels that an editable install has compiled already."""
    return driver("editable" if (BUILD / "editable/build.ninja").exists() else "driver")


def compiler() -> str:
    """The compiler by its name and version, as the driver names the one that built it."""
    macros = _run([path_of("a C++ compiler"), "-dM", "-E", "-x", "c++", os.devnull])
    version = dict(re.findall(r'^#define (__clang_version__|__VERSION__) "(.*)"', macros, re.MULTILINE))
    return (
        f"clang {version['__clang_version__']}"
        if "__clang_version__" in version
        else f"g++ {version['__VERSION__']}"
    )


def run(command: Sequence[str | Path], **environment: str) -> str:
    """What a command of the driver says; AssertionError with all of it where it does not succeed."""
    return _run(command, {**os.environ, **environment})


def _run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, (
        f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said[-4000:]}"
    )
    return said
