"""Names the machine that a figure was measured on, the versions of what computes, and how busy it was."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from keepgate.kernels.machine import machine as here


def machine() -> dict[str, Any]:
    """What keepgate says of this machine, with versions, date, and the load of the last minutes."""
    return {
        **asdict(here()),
        **{name: version(name) for name in ("numpy", "keepgate")},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load": [round(load, 1) for load in os.getloadavg()],
    }
