"""The same program in many processes, each told its rank and where the first is, as torchrun does."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# A training that hangs fails its test long before the suite's own limit.
LIMIT = 240


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(command: Sequence[str], **environment: str) -> "subprocess.Popen[str]":
    """The command in the checkout, with what the environment is to have beside what it has."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(processes: "Sequence[subprocess.Popen[str]]", limit: float = LIMIT) -> list[Ended]:
    """The processes once they have ended; none stays, even if one hangs."""
    try:
        outputs = [process.communicate(timeout=limit) for process in processes]
        return [Ended(p.returncode, out, err) for p, (out, err) in zip(processes, outputs, strict=True)]
    finally:
        for process in processes:
            process.kill()


def run_ranks(count: int, program: str, *arguments: object, limit: float = LIMIT) -> list[Ended]:
    """The Python program in so many processes, until all have ended; at most so many seconds."""
    port = str(free_port())
    command = [sys.executable, "-c", program, *map(str, arguments)]
    started = [
        start(
            command, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count),
            MASTER_ADDR="127.0.0.1", MASTER_PORT=port,
        )
        for rank in range(count)
    ]  # fmt: skip
    return ended(started, limit)
