"""The wheel of `make wheel` in an empty environment without a compiler."""

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from keepgate import lazy

ROOT = Path(__file__).parent.parent.parent

# One step of an LSTM whose weights are zero: every gate is its bias, so the answer is known without a library.
RUN = """
import array, math, sys
from keepgate import _core as core

def numbers(count, value=0.0):
    return array.array("f", [value] * count)

at = lambda block: block.buffer_info()[0]
hidden, bias = 5, 0.75
sizes = (1, 1, 3, hidden, 0)
w_ih, w_hh = numbers(4 * hidden * 3), numbers(4 * hidden * hidden)
b_ih, b_hh, x = numbers(4 * hidden, bias), numbers(4 * hidden), numbers(3, 1.0)
h, c, output = numbers(hidden), numbers(hidden), numbers(hidden)
cell = core.cells().index("lstm")
weights = (at(w_ih), at(w_hh), at(b_ih), at(b_hh), 0)
states = (at(h), at(c))
forward = core.Forward(
    cell, 0, sizes, 1, False, False, (at(x), 3, 3), (), 0, 0, states, states, weights, 0,
    (at(output), hidden, hidden), (),
)
forward.run()
open_, value = 1 / (1 + math.exp(-bias)), math.tanh(bias)
expected = open_ * math.tanh(open_ * value)
assert all(abs(number - expected) < 1e-6 for number in output), (list(output), expected)
assert "torch" not in sys.modules
print(core.__file__)
"""


# A model answers and is written in C, where there are numpy and safetensors and nothing else.
ANSWER = """
import sys
from pathlib import Path

import keepgate
from keepgate import c99, runtime

network = Path(keepgate.__file__).parent / "demo/networks/en/lstm-chrono"
reader = runtime.load(network)
print(reader.answer("Luffy said he wants to be king. Nami said she wants to draw maps.", "Who wants to be king?").text)
c99.export(network, "c")
assert "torch" not in sys.modules
"""
# Where torch is not, numpy and safetensors alone may be installed beside keepgate.
NEEDED = {"numpy", "safetensors"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    # The environment that runs this test is as new as it needs to be.
    make = [
        "make",
        "--assume-old=.venv/dev.stamp",
        "wheel",
        f"DIST={dist}",
        f"BIN={os.path.relpath(Path(sys.executable).parent, ROOT)}",
    ]
    made = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    (found,) = dist.glob("keepgate-*.whl")
    return found


def test_the_wheel_runs_on_many_linuxes(wheel: Path):
    assert "-manylinux" in wheel.name


def test_the_wheel_installs_and_runs_without_a_compiler_and_without_torch(wheel: Path, tmp_path: Path):
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty/bin/python"
    alone = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, env={**os.environ, **alone}, check=True, capture_output=True)
    done = subprocess.run(
        [python, "-c", RUN], env=alone, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout


def test_the_extras_bring_what_is_said_to_be_missing():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, packages in lazy._EXTRAS.items():
        brought = {re.match(r"[\w-]+", line)[0].replace("-", "_") for line in extras[extra]} - {"keepgate"}
        assert brought == set(packages)
    assert all(
        "keepgate[torch]" in extras[extra] for extra in extras.keys() - {"cli", "torch", "dev", "tokenizers"}
    )


def test_the_wheel_is_small_and_needs_two_packages(wheel: Path):
    with zipfile.ZipFile(wheel) as files:
        assert sum(entry.file_size for entry in files.infolist()) < 15e6
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        lines = files.read(name).decode().splitlines()
    needed = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    assert {re.match(r"[\w-]+", line)[0] for line in needed if "extra ==" not in line} == NEEDED


def test_a_model_answers_where_numpy_and_safetensors_alone_are_installed(wheel: Path, tmp_path: Path):
    venv.create(tmp_path / "small", with_pip=False)
    python = tmp_path / "small/bin/python"
    alone = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    subprocess.run(install, env={**os.environ, **alone}, check=True, capture_output=True)
    (packages,) = (tmp_path / "small/lib").glob("python*/site-packages")
    for name in NEEDED:
        # A wheel's libraries lie beside its package, as numpy.libs.
        folder = Path(find_spec(name).origin).parent
        for part in folder.parent.glob(f"{name}*"):
            if not (packages / part.name).exists():
                (packages / part.name).symlink_to(part)
    done = subprocess.run(
        [python, "-c", ANSWER], env=alone, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Luffy\n"
    assert {path.name for path in (tmp_path / "c").iterdir()} == {
        "lstm_chrono.h", "lstm_chrono.c", "manifest.json"
    }  # fmt: skip
