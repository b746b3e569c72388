"""A Debian without torch and without a compiler: the wheel installs and a model answers; sizes and times.

    python -m bench.bare_debian [--wheel dist/*.whl] [--root FOLDER]

As root, with debootstrap (apt install debootstrap): it makes the smallest Debian with Python into a folder; the wheel,
numpy and safetensors go into a virtual environment there, from files alone, and everything is run by chroot. Prints,
and writes results/bare_debian.json. The release is that whose Python this one is, since a wheel is for one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.machine import machine
from bench.markdown import RESULTS
from bench.runtime import PROCESSES, built, program

RELEASES = {(3, 11): "bookworm", (3, 13): "trixie"}
MIRROR = "http://deb.debian.org/debian"
# What a machine that compiles has, and a machine with torch.
ABSENT = ("cc", "gcc", "c++", "clang")
# Every network that comes with the package answers, and is written in C.
EACH = """
import json, sys
from pathlib import Path
import keepgate
from keepgate import c99, runtime
networks = Path(keepgate.__file__).parent / "demo/networks"
answers = {}
for folder in sorted(path.parent for path in networks.glob("*/*/model.toml")):
    text, question = {
        "en": ("Luffy said he wants to be the king of the pirates.", "Who wants to be the king of the pirates?"),
        "zh": ("魯夫說他想成為海賊王。", "是誰想要成為海賊王？"),
    }[folder.parent.name]
    name = f"{folder.parent.name}/{folder.name}"
    answers[name] = runtime.load(folder).answer(text, question).text
    c99.export(folder, Path("/tmp/c") / name)
assert "torch" not in sys.modules
try:
    keepgate.LSTM
except ImportError as missing:
    answers["keepgate.LSTM"] = str(missing)
print(json.dumps(answers))
"""


def main() -> None:
    """Makes the system, installs, measures, prints and writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help="a wheel that is there already")
    parser.add_argument("--root", type=Path, help="a Debian that debootstrap made already")
    options = parser.parse_args()
    release = RELEASES.get(sys.version_info[:2])
    if os.geteuid() != 0 or shutil.which("debootstrap") is None or release is None:
        sys.exit(
            "this needs to be root, with debootstrap (apt install debootstrap), by Python "
            + " or ".join(f"{major}.{minor}" for major, minor in RELEASES)
        )
    with tempfile.TemporaryDirectory() as temporary:
        root = options.root or Path(temporary) / "debian"
        if options.root is None:
            include = ["--variant=minbase", "--include=python3-venv"]
            subprocess.run(["debootstrap", *include, release, root, MIRROR], check=True)
        result = {"machine": machine(), "release": release, **measured(root, options.wheel)}
    print(json.dumps(result, indent=1, ensure_ascii=False))
    written = RESULTS / "bare_debian.json"
    written.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def measured(root: Path, wheel: Path | None) -> dict[str, Any]:
    """Everything about the package in the system below this folder."""
    compilers = [name for name in ABSENT if run(root, "sh", "-c", f"command -v {name} || true").strip()]
    assert not compilers, f"there is a compiler: {compilers}"
    shutil.rmtree(root / "wheels", ignore_errors=True)
    (root / "wheels").mkdir()
    wheel = wheel or built(root / "wheels")
    if wheel.parent != root / "wheels":
        shutil.copy(wheel, root / "wheels")
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
    subprocess.run([*download, "--dest", root / "wheels", "numpy", "safetensors"], check=True)
    shutil.rmtree(root / "venv", ignore_errors=True)
    run(root, "python3", "-m", "venv", "/venv")
    install = ["/venv/bin/pip", "install", "--quiet", "--no-index", "--find-links", "/wheels"]
    begin = perf_counter()
    run(root, *install, "numpy", "safetensors")
    between = perf_counter()
    run(root, *install, "keepgate")
    seconds = {"numpy and safetensors": between - begin, "keepgate": perf_counter() - between}
    (packages,) = (root / "venv/lib").glob("python*/site-packages")
    sizes = {name: _size(packages, name) for name in ("keepgate", "numpy", "safetensors")}
    code = program("keepgate.runtime")
    network = f"/{packages.relative_to(root)}/keepgate/demo/networks/en/lstm-chrono"
    runs = [json.loads(run(root, "/venv/bin/python", "-c", code, network)) for _ in range(PROCESSES)]
    return {
        "wheel_MB": wheel.stat().st_size / 1e6,
        "installed_MB": sizes,
        "install_seconds": seconds,
        **{name: median(figures[name] for figures in runs) for name in runs[0]},
        "answers": json.loads(run(root, "/venv/bin/python", "-c", EACH)),
    }


def run(root: Path, *command: str) -> str:
    """What a command below the folder prints. Nothing of this process' environment but its path goes along."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
    mounts = f'mount -t proc proc {root}/proc 2>/dev/null; exec chroot {root} "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounts, "sh", *command],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]}: {done.stderr[-2000:]}")
    return done.stdout


def _size(packages: Path, name: str) -> float:
    """Megabytes of a package and of the libraries beside it."""
    parts = [path for path in packages.iterdir() if path.name.lower().startswith(name)]
    files = [file for part in parts for file in part.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


if __name__ == "__main__":
    main()
