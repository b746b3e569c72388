"""Commands that torchrun starts many times: one of the processes speaks, and all end with the same exit code."""

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import ProcessLost
from .exit_codes import INTERRUPTED, fault_of

if TYPE_CHECKING:
    from ..train.processes import Processes


def speaks() -> bool:
    """Whether this process speaks for all of a command; torchrun numbers them."""
    return os.environ.get("RANK", "0") == "0"


def first_of_host() -> bool:
    """Whether this process does what is done once on each host; torchrun numbers those of a host too."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextlib.contextmanager
def joined_quietly(device: str) -> "Iterator[Processes]":
    """The processes of this command. What one raises ends all, and only one says what it was.

    Raises SettingsError if the device is not there.
    """
    from ..train.device import device_of
    from ..train.processes import joined

    processes = None
    try:
        with joined(device_of(device)) as processes:
            yield processes
    except (Exception, KeyboardInterrupt) as fault:
        if processes.speaks() if processes is not None else speaks() or isinstance(fault, ProcessLost):
            raise
        code = INTERRUPTED if isinstance(fault, KeyboardInterrupt) else fault_of(fault).code
        raise SystemExit(code) from fault
