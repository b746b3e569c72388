"""What this machine can do at most: fp32 products in registers, reads from L2 and memory, torch's product, a barrier.

    python -m bench.ceilings

A kernel's time is held against these, measured in the same run. `ceilings.cc` is compiled on the fly with $CXX, or g++.
"""

import ctypes
import json
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.machine import THREADS, machine

SOURCE = Path(__file__).with_name("ceilings.cc")
CACHE = Path("/sys/devices/system/cpu/cpu0/cache")


class Set(NamedTuple):
    """An instruction set: bytes of a register, the compiler's options, and which processors have it."""

    bytes: int
    options: tuple[str, ...]
    system: str
    flag: str | None


SETS = {
    "avx512": Set(64, ("-mavx512f", "-mprefer-vector-width=512"), "x86_64", "avx512f"),
    "avx2": Set(32, ("-mavx2", "-mfma"), "x86_64", "fma"),
    "baseline": Set(16, (), "x86_64", None),
    "neon": Set(16, (), "aarch64", None),
}


class Ceilings:
    """The compiled measurements of one instruction set."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))
        for function in ("multiply_add_rate", "read_rate", "barrier_seconds"):
            getattr(self._library, function).restype = ctypes.c_double

    def multiply_add(self, threads: int, times: int = 40_000) -> float:
        """fp32 operations a second in registers, all threads together; about two milliseconds."""
        return float(self._library.multiply_add_rate(ctypes.c_int(threads), ctypes.c_long(times)))

    def read(self, threads: int, size: int) -> float:
        """Bytes a second, all threads together, each reading its own `size` bytes over and over."""
        size = max(4096, size // 4096 * 4096)
        times = max(2, (1 << 28) // size)
        return float(
            self._library.read_rate(ctypes.c_int(threads), ctypes.c_long(size), ctypes.c_long(times))
        )

    def barrier(self, threads: int, times: int = 100_000) -> float:
        """Seconds that one wait of all threads for each other takes, without sleep."""
        return float(self._library.barrier_seconds(ctypes.c_int(threads), ctypes.c_long(times)))


@contextmanager
def compiled() -> Iterator[dict[str, Ceilings]]:
    """The measurements for each instruction set that this processor has, best first."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name in sets():
            library = Path(folder) / f"{name}.so"
            command = [
                os.environ.get("CXX", "g++"), "-O2", "-std=c++20", "-shared", "-fPIC", "-pthread",
                f"-DKEEPGATE_BYTES={SETS[name].bytes}", *SETS[name].options, str(SOURCE), "-o", str(library),
            ]  # fmt: skip
            subprocess.run(command, check=True)
            found[name] = Ceilings(library)
        yield found


def sets() -> tuple[str, ...]:
    """The instruction sets that can be measured here, best first."""
    try:
        flags = Path("/proc/cpuinfo").read_text(errors="replace").split()
    except OSError:
        flags = []
    return tuple(
        name
        for name, each in SETS.items()
        if each.system == platform.machine() and (each.flag is None or each.flag in flags)
    )


def measured(by_set: dict[str, Ceilings]) -> dict[str, Any]:
    """Every ceiling, by threads where it depends on them: the best of several tries, for it is a ceiling."""
    best_set = next(iter(by_set.values()))
    level_2, level_3 = cache_size(2) or 1 << 20, cache_size(3) or 1 << 25
    # Far beyond the last cache, but never more than an eighth of the memory.
    far = min(2 * level_3, machine()["memory"] // 8 if machine()["memory"] else 1 << 28)

    def per_thread(one: Callable[[int], float], tries: int) -> dict[str, float]:
        return {str(threads): max(one(threads) for _ in range(tries)) for threads in THREADS}

    return {
        "multiply_add": {
            name: per_thread(one.multiply_add, tries=60) for name, one in by_set.items()
        },
        "level_2_bytes": level_2,
        "read_level_2": per_thread(lambda threads: best_set.read(threads, level_2 // 2), tries=8),
        "memory_bytes": far,
        "read_memory": per_thread(lambda threads: best_set.read(threads, far // threads), tries=2),
        "torch_product": per_thread(_torch_product, tries=6),
        "barrier_seconds": min(best_set.barrier(max(THREADS)) for _ in range(20)),
    }  # fmt: skip


def cache_size(level: int) -> int | None:
    """Bytes of the first core's cache of that level, as Linux tells it."""
    for index in CACHE.glob("index*"):
        if (index / "level").read_text().strip() == str(level) and (
            index / "type"
        ).read_text().strip() != "Instruction":
            return int((index / "size").read_text().strip().removesuffix("K")) * 1024
    return None


def _torch_product(threads: int, size: int = 2048) -> float:
    """fp32 operations a second of torch's own product of two square matrices."""
    torch.set_num_threads(threads)
    a, b = torch.randn(size, size), torch.randn(size, size)
    started = time.perf_counter()
    torch.mm(a, b)
    return 2 * size**3 / (time.perf_counter() - started)


if __name__ == "__main__":
    with compiled() as by_set:
        print(json.dumps({"machine": machine(), "ceilings": measured(by_set)}, indent=1))
