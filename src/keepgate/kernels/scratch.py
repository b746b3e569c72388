"""Working memory of the C++ core, kept from call to call: memory fresh from the system costs more than what it is for."""

import threading

import torch
from torch import Tensor

# Larger ones are given back after each call, in bytes: the time of such a call hides what fresh memory costs.
MOST = 64 << 20


class _Kept(threading.local):
    """Each thread's own, by what it is used for, so that two calls never meet in one."""

    def __init__(self) -> None:
        self.by_use: dict[str, Tensor] = {}


_KEPT = _Kept()


def scratch(use: str, size: int) -> Tensor:
    """At least so many bytes, with anything in them, until this thread asks for the same use again."""
    known = _KEPT.by_use.get(use)
    if known is not None and known.shape[0] >= size:
        return known
    made = torch.empty(size, dtype=torch.uint8, device="cpu")
    if size <= MOST:
        _KEPT.by_use[use] = made
    return made
