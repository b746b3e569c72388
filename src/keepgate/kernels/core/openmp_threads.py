"""The threads that torch computes on, lent to the C++ core.

GNU's OpenMP, which torch uses on Linux, leaves its threads spinning for milliseconds after each operation. Threads of
the core's own would share the processors with them, and a layer between two of torch's operations would take twice as
long. So the core's work is done on the very threads that spin. Where torch computes on others, and in a child that was
forked, the core has its own.
"""

import ctypes
import os
from pathlib import Path

import torch

from ... import _core
from ...errors import SettingsError

# "own" leaves torch's threads alone, as for a tool that cannot see through OpenMP.
SETTING = "KEEPGATE_THREADS"


def lend() -> bool:
    """Lends torch's threads to the core, once and for all of this process. Whether there are any that can be lent.

    Raises SettingsError where KEEPGATE_THREADS is set to anything but "torch" or "own".
    """
    wanted = os.environ.get(SETTING, "torch")
    if wanted not in ("torch", "own"):
        raise SettingsError(
            f'{SETTING} is {wanted!r}; "torch" computes on torch\'s threads where that can be, "own" on others'
        )
    address = _parallel() if wanted == "torch" else 0
    _core.borrow_threads(address)
    return address != 0


def _parallel() -> int:
    """The address of GOMP_parallel in the library that torch has loaded; 0 where that is none of GNU's."""
    folder = Path(torch.__file__).parent
    beside = [*folder.glob("lib/libgomp*.so*"), *folder.parent.glob("torch.libs/libgomp*.so*")]
    for name in (*map(str, beside), "libgomp.so.1"):
        try:
            library = ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            address = ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value
        except (OSError, AttributeError):  # not loaded, or another system, or another OpenMP by this name
            continue
        return address or 0
    return 0
