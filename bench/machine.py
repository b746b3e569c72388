"""Names the machine that a figure was measured on: processor, cores, and the versions of what computes."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores, low-precision instructions, system, versions, date and load."""
    lines = _lines("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split(":")[1].split() for line in lines if line.startswith("flags")), [])
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "bfloat16": [flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numpy", "keepgate")},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
