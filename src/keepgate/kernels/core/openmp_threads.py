"""torch's OpenMP threads, on which the C++ core computes too.

GNU's OpenMP, which torch uses on Linux, lets its threads spin for milliseconds after each parallel region. Threads of
the core's own would share the processors with them, and a layer between two of torch's operations would take twice as
long. So the core runs on the very threads that spin. Where torch has another thread pool, and in a forked child, the
core has its own.
"""

import ctypes
import os
from functools import cache
from pathlib import Path

import torch

from ...arrays.compiled import _core
from ...errors import SettingsError

# "own" leaves torch's threads alone, as for a tool that cannot see through OpenMP.
SETTING = "KEEPGATE_THREADS"


def share_torch_threads() -> bool:
    """Lets the core compute on torch's threads from now on; False where torch's are not GNU's OpenMP.

    Raises SettingsError where KEEPGATE_THREADS is set to anything but "torch" or "own".
    """
    choice = os.environ.get(SETTING, "torch")
    if choice not in ("torch", "own"):
        raise SettingsError(
            f'{SETTING} is {choice!r}; "torch" computes on torch\'s threads where that can be, "own" on others'
        )
    address = _gomp_parallel() if choice == "torch" else 0
    _core.borrow_threads(address)
    return address != 0


# Before the core's first work, not at import: it looks into loaded libraries, and a wrong setting raises.
share_torch_threads_once = cache(share_torch_threads)


def _gomp_parallel() -> int:
    """The address of GOMP_parallel in the OpenMP library that torch has loaded; 0 where that is not GNU's."""
    folder = Path(torch.__file__).parent
    shipped = [*folder.glob("lib/libgomp*.so*"), *folder.parent.glob("torch.libs/libgomp*.so*")]
    for name in (*map(str, shipped), "libgomp.so.1"):
        try:
            library = ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
            address = ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value
        except (OSError, AttributeError):  # not loaded, or another system, or another OpenMP by this name
            continue
        return address or 0
    return 0
