"""What a build leaves behind, and what it says where it cannot build."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keepgate
from keepgate import _core
from tests.tools import needs

ROOT = Path(__file__).parent.parent.parent
OBJECTS = ROOT / "build/editable/CMakeFiles"


def test_without_a_compiler_the_error_says_so_and_what_to_do(tmp_path: Path):
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
    bare = {name: value for name, value in os.environ.items() if name not in ("CXX", "CC", "CMAKE_ARGS")}
    done = subprocess.run(
        wheel, env={**bare, "PATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "no C++ compiler was found" in said, said[-3000:]
    assert "sudo apt install g++" in said


def test_an_unknown_instruction_set_is_named_beside_the_known_ones():
    environment = {**os.environ, "KEEPGATE_ISA": "avx1024"}
    code = "import keepgate._core"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("keepgate.errors.SettingsError: KEEPGATE_ISA is 'avx1024'; "), done.stderr
    assert ", ".join(_core.isas()) in last


def test_an_instruction_set_is_chosen_by_name():
    for isa in _core.isas():
        code = "import keepgate._core as core; print(core.isa())"
        environment = {**os.environ, "KEEPGATE_ISA": isa}
        assert (
            subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == isa
        )


def test_the_stub_names_what_the_module_has():
    nodes = stub()
    assert set(nodes) == {name for name in dir(_core) if not name.startswith("_")}
    for name in ("Forward", "Backward"):
        methods = {method.name for method in nodes[name].body if isinstance(method, ast.FunctionDef)}
        assert methods == {"__init__", *(known for known in dir(getattr(_core, name)) if known[0] != "_")}


@pytest.mark.parametrize("name", [name for name in dir(_core) if name[0] != "_" and name.islower()])
def test_a_function_takes_what_the_stub_says(name):
    arguments = stub()[name].args
    shown = getattr(_core, name).__doc__.split(") ->")[0].split("(", 1)[1]
    assert len(arguments.posonlyargs + arguments.args) == len(re.findall(r"\w+: ", shown))


def test_a_problem_takes_what_the_stub_says():
    known = {name: len(stub()[name].body[0].args.posonlyargs) - 1 for name in ("Forward", "Backward")}
    with pytest.raises(ValueError, match=f"0 entries where {known['Forward']} belong"):
        _core.Forward()
    none = (0, 0, 0)
    problem = (0, 0, (1, 1, 1, 1, 0), 1, False, False, none, (), 0, 0, (0,), (0,), (0,) * 5, 0, none, ())
    with pytest.raises(ValueError, match=f"0 entries where {known['Backward'] - 1} belong"):
        _core.Backward(_core.Forward(*problem))


def stub():
    nodes = ast.parse((Path(keepgate.__file__).parent / "_core.pyi").read_text()).body
    return {node.name: node for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.skipif(not OBJECTS.exists(), reason="the module here was not built by an editable install")
@needs("nm")
@pytest.mark.parametrize("isa", _core.isas())
def test_no_code_of_one_instruction_set_can_be_linked_into_another(isa: str):
    # The linker keeps one copy of an inline function; kept from AVX-512, it would crash every older processor.
    (compiled,) = (OBJECTS / f"kernels_{isa}.dir").rglob("kernels.cc.o")
    listing = subprocess.check_output(["nm", "--demangle", "--defined-only", compiled], text=True)
    shared = [line for line in listing.splitlines() if re.match(r"\S* [WVuTDBR] ", line)]
    assert not [line for line in shared if f"keepgate::{isa}::" not in line]
    assert any(f"keepgate::{isa}::table" in line for line in shared)
