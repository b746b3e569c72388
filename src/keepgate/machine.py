"""What the machine offers, as torch and the system tell it: for `keepgate explain`, for reports and for benchmarks."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

# Names that Linux gives to what makes products of small numbers fast.
_EXTRAS = {
    "bfloat16": ("avx512_bf16", "bf16"),
    "AMX": ("amx_tile",),
    "8-bit dot products": ("avx512_vnni", "avx_vnni", "asimddp"),
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One machine. cores: those this process may use; threads: those torch uses; memory in bytes.

    instruction_set: what torch's own kernels use, "AVX512" for example. extras: what speeds up small numbers.
    memory, extras: None where the system does not tell.
    """

    processor: str
    cores: int
    threads: int
    memory: int | None
    instruction_set: str
    extras: tuple[str, ...] | None
    accelerators: tuple[str, ...]
    system: str
    python: str
    torch: str


def machine() -> Machine:
    """This machine, now."""
    flags = set(_cpuinfo("flags", "Features").split())
    return Machine(
        processor=_cpuinfo("model name", "Model") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        memory=_memory(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
        extras=tuple(name for name, any_of in _EXTRAS.items() if flags.intersection(any_of))
        if flags
        else None,
        accelerators=tuple(torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
    )


def _cpuinfo(*names: str) -> str:
    """The first value under one of these names that Linux gives for the processor; nothing on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def use_one_thread() -> None:
    """Sets torch to one thread in this thread, and denormal numbers to zero.

    A recurrent layer reads a text step by step: a second thread would mostly wait, and burn a core doing so. A gradient
    that vanishes ends in denormal numbers, with which processors take many times as long.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@contextmanager
def one_thread() -> Iterator[None]:
    """`use_one_thread` until the block ends."""
    threads = torch.get_num_threads()
    use_one_thread()
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
