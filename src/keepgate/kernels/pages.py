"""Large pages for large arrays: what is new to a process is handed over page by page, and each costs a microsecond."""

import ctypes
import mmap
from collections.abc import Callable

from torch import Tensor

# numpy asks for them from the same size on.
LARGE = 4 << 20

_PAGE = mmap.PAGESIZE
_ADVICE: int | None = getattr(mmap, "MADV_HUGEPAGE", None)  # Linux alone has it
_ADVISE: Callable[[int, int, int], int] | None = getattr(ctypes.CDLL(None), "madvise", None)
if _ADVISE is not None:
    _ADVISE.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)  # type: ignore[attr-defined]


def in_large_pages(tensor: Tensor) -> None:
    """Asks the system for large pages under a tensor that is not yet written. It may not; nothing else changes."""
    size = tensor.nbytes
    if size < LARGE or _ADVICE is None or _ADVISE is None:
        return
    start = tensor.data_ptr() + -tensor.data_ptr() % _PAGE
    _ADVISE(start, size - (start - tensor.data_ptr()), _ADVICE)
