"""A missing tool is told at the end of a run, with what brings it, and fails the run where tools are needed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDS_NM = "tests/packaging/test_build.py"


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--need-tools",), 1)])
def test_a_run_without_a_tool(options: tuple[str, ...], code: int):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        NEEDS_NM,
        "-k",
        "linked",
        *options,
    ]
    environment = {**os.environ, "PATH": ""}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    *_, told, closing = ran.stdout.splitlines()
    assert told.startswith("nm is missing: ")
    assert told.endswith("; on Debian: apt-get install binutils")
    assert "skipped" in closing


def test_the_packages_of_what_is_missing_are_printed_without_pytest_or_torch():
    bare = [sys.executable, "-S", "-m", "tests.tools"]  # no site-packages
    ran = subprocess.run(bare, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert {"chromium", "fonts-noto-cjk", "g++-aarch64-linux-gnu", "valgrind"} <= set(ran.stdout.split())
