"""Where the time of one case goes: packing, products, the cell's equations, waiting, torch, Python.

    python -m bench.breakdown LSTM 100,32,128,128 training --threads 2

Compiles the core once more, with frame pointers and its functions kept apart, into build/breakdown; runs the case for
some seconds and samples it with Linux's `perf`. Needs perf, cmake and nanobind. Only the shares count, not its times.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
RATE = 2000

# A sample belongs to the first of these that names a function on its stack.
PARTS = (
    ("waiting for other threads", r"\b(barrier|wait_until|pause|sched_yield|futex)"),
    ("the cell's equations", r"\b(apply_cell|forward_program|backward_program|interpret)\b"),
    (
        "packing the weights",
        r"\b(pack_part|pack_gates|pack_rows|pack_panel|unpack_weight_gradients|unpack_panel)\b",
    ),
    ("projecting the inputs", r"\bproject_inputs\b"),
    ("recurrent product", r"\b(add_recurrent_product|project_output)\b"),
    ("gradients of the inputs", r"\binput_gradients\b"),
    ("gradients of the weights", r"\b(weight_gradients|accumulate_wgrad|accumulate_bias_sums)\b"),
    ("recurrent product backward", r"\b(backward_step|project_output_backward)\b"),
    (
        "book-keeping of rows and steps",
        r"\b(collect_steps|begin|write_final_states|write_gradients|in_order|step_of)\b",
    ),
)


def main() -> None:
    options = arguments()
    if options.run is not None:
        work(options)
    library = built()
    samples, seconds = sampled(options, library)
    total = seconds * RATE * options.threads
    print(f"{options.cell} {options.shape}, {options.mode}, {options.threads} thread(s)")
    counted = Counter(part_of(stack) for stack in samples)
    for name, count in counted.most_common():
        print(f"{100 * count / total:6.1f} %  {name}")
    print(f"{100 * max(0.0, 1 - sum(counted.values()) / total):6.1f} %  asleep, or in the system")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cell", choices=["LSTM", "GRU", "RNN"])
    parser.add_argument("shape", help="steps,rows,input,hidden")
    parser.add_argument("mode", choices=["inference", "training"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def part_of(stack: str) -> str:
    """What a sample's stack was about: its functions, innermost first."""
    if "keepgate::" not in stack:
        return "torch" if re.search("torch|at::|c10|libgomp", stack) else "Python"
    return next((name for name, pattern in PARTS if re.search(pattern, stack)), "the rest of the core")


def work(options: argparse.Namespace) -> None:
    """The process that is sampled: takes the core that was compiled for it, says when it is warm, and never ends."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("keepgate._core", options.run)
    assert spec is not None
    assert spec.loader is not None
    core = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(core)
    sys.modules["keepgate._core"] = core
    import keepgate

    keepgate._core = core
    import torch

    from bench.contenders import keepgate_layer
    from bench.problem import Problem, Shape

    torch.set_num_threads(options.threads)
    runner = keepgate_layer(Problem(cell=options.cell, shape=Shape.of(options.shape)), options.mode)
    for number in range(1 << 60):
        if number == 20:
            print("warm", flush=True)
        if runner.before is not None:
            runner.before()
        runner.call()


def built() -> Path:
    """The core with what a profile needs, compiled anew where its source changed."""
    import nanobind

    folder = ROOT / "build" / "breakdown"
    cmake = shutil.which("cmake") or str(Path(sys.executable).parent / "cmake")
    options = {
        "CMAKE_BUILD_TYPE": "RelWithDebInfo",
        "CMAKE_CXX_FLAGS_RELWITHDEBINFO": "-O3 -DNDEBUG -g -fno-omit-frame-pointer -fno-inline",
        "Python_EXECUTABLE": sys.executable,
        "nanobind_DIR": nanobind.cmake_dir(),
    }
    given = [f"-D{name}={value}" for name, value in options.items()]
    subprocess.run([cmake, "-S", ROOT, "-B", folder, *given], check=True, stdout=subprocess.DEVNULL)
    print("Compiling the core with line numbers ...", file=sys.stderr)
    command = [cmake, "--build", folder, "--target", "_core", "--parallel", str(os.cpu_count())]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("_core*.so"))


def sampled(options: argparse.Namespace, library: Path) -> tuple[list[str], float]:
    """The stacks of all samples, and how many seconds they were taken for."""
    case = [options.cell, options.shape, options.mode, "--threads", str(options.threads)]
    command = [sys.executable, "-m", "bench.breakdown", *case, "--run", str(library)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as worker,
    ):
        assert worker.stdout is not None
        if not worker.stdout.readline():
            sys.exit("the case could not be run; its error stands above")
        data = str(Path(folder) / "perf.data")
        record = [
            "perf",
            "record",
            "-q",
            "-e",
            "cpu-clock:u",
            "-F",
            str(RATE),
            "--call-graph",
            "fp",
            "-o",
            data,
        ]
        subprocess.run([*record, "-p", str(worker.pid), "--", "sleep", str(options.seconds)], check=True)
        worker.kill()
        shown = subprocess.run(
            ["perf", "script", "-i", data, "-F", "ip,sym,dso"], check=True, capture_output=True, text=True
        )
    return [stack for stack in shown.stdout.split("\n\n") if stack.strip()], options.seconds


if __name__ == "__main__":
    main()
