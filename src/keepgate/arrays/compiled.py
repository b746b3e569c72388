"""The compiled core, `keepgate._core`; None where there is none, as in a browser's Python: cells run without it."""

import warnings
from typing import TYPE_CHECKING

__all__ = ["MISSING", "_core"]

MISSING: str | None = None  # why there is no core

if TYPE_CHECKING:
    from .. import _core
else:
    try:
        from .. import _core
    except ImportError as fault:
        _core, MISSING = None, f"keepgate's compiled core cannot be imported ({fault})"
        warnings.warn(
            f"{MISSING}; layers run by torch's kernels, or as a loop over time in Python, which is slow",
            RuntimeWarning,
            stacklevel=2,
        )
