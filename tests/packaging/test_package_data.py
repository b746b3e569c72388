"""What is no Python comes along too: the page and its networks, in the wheel and in the source distribution."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
ROOM = ROOT / "src/keepgate/serve"


@pytest.fixture(scope="module")
def wanted() -> dict[str, bytes]:
    """Every file of the page and of its networks, by its path inside the package."""
    files = [
        path for folder in ("static", "networks") for path in (ROOM / folder).rglob("*") if path.is_file()
    ]
    assert len(files) > 8 * 5
    return {path.relative_to(ROOT / "src").as_posix(): path.read_bytes() for path in files}


def built(what: str, folder: Path) -> Path:
    """A distribution, made without compiling the core, which has nothing to do with it."""
    code = (
        "import sys; from scikit_build_core.build import build_sdist, build_wheel; "
        f"print({what}(sys.argv[1], {{'wheel.cmake': 'false', 'build-dir': sys.argv[1] + '/build'}}))"
    )
    environment = {**os.environ, "CXX": "none"}
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.strip().splitlines()[-1]


def test_the_wheel_brings_the_page_and_its_networks(wanted: dict[str, bytes], tmp_path: Path) -> None:
    with zipfile.ZipFile(built("build_wheel", tmp_path)) as wheel:
        assert wanted.keys() <= set(wheel.namelist())
        assert all(wheel.read(name) == content for name, content in wanted.items())


def test_the_source_distribution_brings_them(wanted: dict[str, bytes], tmp_path: Path) -> None:
    path = built("build_sdist", tmp_path)
    with tarfile.open(path) as source:
        names = {name.partition("/src/")[2] for name in source.getnames()}
    assert wanted.keys() <= names
