"""Random number generators: a seed for each use, and their states as plain JSON values."""

import contextlib
import hashlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch


def seed_for(*parts: int | str) -> int:
    """A seed below 2^63 that follows from the parts, the same on every machine; other parts give another."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def start(seed: int) -> None:
    """Seeds torch, numpy and Python, each with a seed of its own."""
    torch.manual_seed(seed_for(seed, "torch"))
    np.random.seed(seed_for(seed, "numpy") % 2**32)
    random.seed(seed_for(seed, "python"))


def state() -> dict[str, Any]:
    """The state of all generators, as JSON values; `restore` takes it."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "torch": _hex(torch.get_rng_state()),
        "cuda": list(map(_hex, torch.cuda.get_rng_state_all())) if torch.cuda.is_available() else [],
        "numpy": [kind, np.asarray(keys).tolist(), position, has_gauss, gauss],
        "python": random.getstate(),
    }


def restore(saved: Mapping[str, Any]) -> None:
    """Puts all generators where `state` found them."""
    torch.set_rng_state(_bytes(saved["torch"]))
    if saved["cuda"] and len(saved["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(list(map(_bytes, saved["cuda"])))
    kind, keys, position, has_gauss, gauss = saved["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    version, internal, gauss_next = saved["python"]
    random.setstate((version, tuple(internal), gauss_next))


@contextlib.contextmanager
def reproducible(seed: int, threads: int | None) -> Iterator[None]:
    """A context in which all generators start from the seed, on that many threads; both are restored after it."""
    threads_before = torch.get_num_threads()
    with untouched():
        try:
            if threads is not None:
                torch.set_num_threads(threads)
            start(seed)
            yield
        finally:
            torch.set_num_threads(threads_before)


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """A context whose random draws leave the generators' states as they were."""
    generators = state()
    try:
        yield
    finally:
        restore(generators)


def _hex(tensor: torch.Tensor) -> str:
    return bytes(tensor.numpy()).hex()


def _bytes(text: str) -> torch.Tensor:
    return torch.frombuffer(bytearray.fromhex(text), dtype=torch.uint8)
