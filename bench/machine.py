"""Names the machine that a figure was measured on, the versions of what computes, and how busy it was."""

import os
import re
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from keepgate.machine import machine as here

# What the layers are measured with; the issue is a machine's second core, not its sixty-fourth.
THREADS = (1, 2)


def machine() -> dict[str, Any]:
    """What keepgate says of this machine, with versions, date, and the load of the last minutes."""
    return {
        **asdict(here()),
        **{name: version(name) for name in ("numpy", "keepgate")},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": [round(load, 1) for load in os.getloadavg()],
    }


def peers() -> dict[str, str | None]:
    """The versions of what keepgate is measured against beside torch; None where it is not installed."""
    return {
        name: _version(name)
        for name in ("onnx", "onnxruntime", "jax", "jaxlib", "openvino", "ncnn", "ai-edge-litert")
    }


def slug() -> str:
    """A file name for this machine: its processor and cores, "intel-xeon-processor-2"."""
    name = re.sub(r"\((r|tm)\)", "", here().processor.lower())
    return re.sub(r"[^a-z0-9]+", "-", f"{name} {here().cores}").strip("-")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def instruction_set() -> str | None:
    """The one that keepgate's own core uses, by choice or by KEEPGATE_ISA; None without the core."""
    try:
        from keepgate import _core
    except ImportError:
        return None
    return str(_core.isa())
