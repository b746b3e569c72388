"""What it costs to answer without torch: size of the wheel, time of the import, memory, time of an answer.

    python -m bench.runtime                       prints the table; the wheel is made anew (make wheel)
    python -m bench.runtime --wheel dist/*.whl    of a wheel that is there

Every figure is from a process of its own, the median of so many; torch is refused where it is said to be absent.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
PROCESSES = 7
NETWORK = ROOT / "src/keepgate/demo/networks/en/lstm-chrono"

_START = """
import json, resource, sys, time

def memory():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024

class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "jaxtyping", "cyclopts", "rich"):
            raise ModuleNotFoundError(name, name=name)

text, question = "Luffy said he wants to be the king of the pirates. " * 20, "Who wants to be the king of the pirates?"
import numpy
before, started = memory(), time.thread_time()
"""
_END = """
loaded, called = time.thread_time(), time.perf_counter()
model = load(sys.argv[1])
ask(model)
first = time.perf_counter()
times = []
for _ in range(200):
    at = time.perf_counter()
    ask(model)
    times.append(time.perf_counter() - at)
print(json.dumps({
    "import, processor ms": (loaded - started) * 1e3, "load and first answer, ms": (first - called) * 1e3,
    "answer, ms": sorted(times)[len(times) // 2] * 1e3, "memory over numpy's, MB": memory() - before,
}))
"""
WAYS = {
    "keepgate.runtime": (
        "sys.meta_path.insert(0, Refused())\nfrom keepgate.runtime import load\n"
        "def ask(model): return model.answer(text, question)\n"
    ),
    "keepgate with torch": (
        "from keepgate.export import load\nfrom keepgate.data.questions import Question\n"
        "import keepgate.tasks.kinds\n"
        "def ask(model): return model.predict([Question(text=text, question=question)])[0]\n"
    ),
}


def program(way: str) -> str:
    """The Python that measures itself, as JSON; its argument is a model's folder."""
    return _START + WAYS[way] + _END


def measure(way: str) -> dict[str, float]:
    """The figures of one process."""
    done = subprocess.run(
        [sys.executable, "-c", program(way), NETWORK], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def sizes(wheel: Path) -> dict[str, float]:
    """Megabytes of a wheel and of what it installs."""
    with zipfile.ZipFile(wheel) as files:
        installed = sum(entry.file_size for entry in files.infolist())
    return {"wheel MB": wheel.stat().st_size / 1e6, "installed MB": installed / 1e6}


def built(folder: Path) -> Path:
    """A wheel of this checkout."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("keepgate-*.whl")
    return wheel


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=Path, help="a wheel that is there already")
    parser.add_argument("--processes", type=int, default=PROCESSES)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, size in sizes(chosen.wheel or built(Path(folder))).items():
            print(f"{name:<28}{size:10.2f}")
    figures: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(chosen.processes):
        for way, rows in figures.items():
            rows.append(measure(way))
    print(f"\n{'':<28}" + "".join(f"{way:>22}" for way in WAYS))
    for name in figures["keepgate.runtime"][0]:
        print(
            f"{name:<28}" + "".join(f"{median(row[name] for row in rows):22.2f}" for rows in figures.values())
        )


if __name__ == "__main__":
    main()
