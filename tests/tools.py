"""What tests need and pip does not bring: programs and fonts, and what a machine must allow. The one list of them.

A test that `needs` one is skipped where it is missing, and the end of the run says what was not tried and what brings
it. What a machine must allow nothing brings: a test that is `allowed` on some is skipped on the others. `python -m
tests.tools` prints the Debian packages of those missing here, which `.ci/run` installs; it runs before there is an
environment, so that nothing but the standard library is imported at the top.
"""

import importlib.util
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


CROSS_COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """packages: Debian's names, divided by spaces. untried: what goes untested without it."""

    packages: str
    untried: str
    find: Callable[[], str | None]

    @property
    def command(self) -> str:
        return f"apt-get install {self.packages}"


def _program(*names: str) -> Callable[[], str | None]:
    return lambda: next(filter(None, map(shutil.which, names)), None)


def _compiler() -> str | None:
    return os.environ.get("CXX") or _program("c++", "g++", "clang++")()


def _headers() -> str | None:
    header = Path(sysconfig.get_path("include"), "Python.h")
    return str(header) if header.exists() else None


def _venv() -> str | None:
    """Debian leaves ensurepip, without which `python -m venv` fails, out of python3."""
    return "ensurepip" if importlib.util.find_spec("ensurepip") else None


def _chinese_font() -> str | None:
    if not shutil.which("fc-list"):
        return None
    listed = subprocess.run(["fc-list", ":lang=zh-tw", "file"], capture_output=True, text=True, check=False)
    return next(iter(listed.stdout.splitlines()), None)


TOOLS = {
    # Without the first four nothing is built and no test runs.
    "a C++ compiler": Tool(packages="g++", untried="everything", find=_compiler),
    "make": Tool(packages="make", untried="everything", find=_program("make")),
    "Python's headers": Tool(packages="python3-dev", untried="everything", find=_headers),
    "venv": Tool(packages="python3-venv", untried="everything", find=_venv),
    "chromium": Tool(
        packages="chromium",
        untried="the page of `keepgate serve` and the report, in a browser",
        find=_program("chromium", "chromium-browser", "google-chrome"),
    ),
    "firefox": Tool(
        packages="firefox-esr",
        untried="the page without a server, in Firefox",
        find=_program("firefox-esr", "firefox"),
    ),
    "a Chinese font": Tool(
        packages="fontconfig fonts-noto-cjk",
        untried="pictures with Chinese letters as PNG",
        find=_chinese_font,
    ),
    "an ARM compiler with an emulator": Tool(
        packages="g++-aarch64-linux-gnu qemu-user-static",
        untried="the core on ARM (NEON)",
        find=lambda: shutil.which(CROSS_COMPILER) and shutil.which(EMULATOR),
    ),
    "valgrind": Tool(
        packages="valgrind",
        untried="whether the kernels take more instructions than they did",
        find=_program("valgrind"),
    ),
    "network namespaces": Tool(
        packages="iproute2 util-linux",
        untried="training on two hosts",
        find=lambda: shutil.which("unshare") and shutil.which("nsenter") and shutil.which("ip"),
    ),
    "nm": Tool(
        packages="binutils",
        untried="whether code of one instruction set can be linked into another",
        find=_program("nm"),
    ),
}

# Without being root, a test is root of a user namespace, which a kernel or a container may forbid.
MOUNTS = ["unshare", "--mount"]
NAMESPACE = [*MOUNTS, "--user", "--map-root-user"]


@dataclass(frozen=True, kw_only=True)
class Right:
    """untried: what goes untested where the command fails."""

    untried: str
    command: tuple[str, ...]


_CABLE = "mount -t tmpfs tmpfs /run; ip netns add first; ip link add one type veth peer name two"
RIGHTS = {
    "network namespaces": Right(
        untried="training on two hosts", command=(*NAMESPACE, "--net", "sh", "-euc", _CABLE)
    ),
    "mounting a disk": Right(
        untried="a disk that is soon full; files that may not grow are tried instead",
        command=(*(NAMESPACE if os.geteuid() else MOUNTS), "mount", "-t", "tmpfs", "tmpfs", "/mnt"),
    ),
}


def path_of(name: str) -> str:
    """Where a tool is; a test that asks is marked with `needs(name)`."""
    path = TOOLS[name].find()
    assert path is not None, f"{name} is missing: {TOOLS[name].command}"
    return path


def needs(name: str) -> "pytest.MarkDecorator":
    """Skips a test where the tool is missing."""
    import pytest

    return pytest.mark.skipif(TOOLS[name].find() is None, reason=_reason(name))


def allowed(name: str) -> "pytest.MarkDecorator":
    """Skips a test where the machine does not allow what it does."""
    import pytest

    right = RIGHTS[name]
    reason = f"this machine cannot do {name}, or forbids it ({right.untried})"
    return pytest.mark.skipif(not _succeeds(right.command), reason=reason)


@cache
def _succeeds(command: tuple[str, ...]) -> bool:
    there = shutil.which(command[0]) is not None
    return there and subprocess.run(command, capture_output=True, check=False).returncode == 0


def tool_of(reason: str) -> str | None:
    """The tool for want of which a test was skipped with this reason; None if that was for another one."""
    return next((name for name in TOOLS if reason == _reason(name)), None)


def _reason(name: str) -> str:
    return f"{name} is missing"


if __name__ == "__main__":
    print(*(tool.packages for tool in TOOLS.values() if tool.find() is None))
