"""TokenFile: numbers in a file, of which only what is asked for is in memory."""

import contextlib
import hashlib
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from .. import unfinished
from ..errors import BundleError


class TokenFile:
    """A stream of numbers for `fit(…, stream=…)` that is read from its file piece by piece.

    It stays open, so that another process may write the same file anew. Not mapped: what was read of a mapping counts
    as this process's memory.
    """

    def __init__(self, path: Path, dtype: type[np.integer[Any]], sha256: str) -> None:
        """sha256: of the numbers, which tells the data of one training from those of another."""
        self.path, self.dtype, self.sha256 = path, np.dtype(dtype), sha256
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    @classmethod
    def write(cls, path: Path, pieces: Iterable[NDArray[np.integer[Any]]], largest: int) -> Self:
        """The file of all these pieces in order. largest: no number is larger.

        Raises BundleError if it cannot be written; nothing half written stays.
        """
        dtype = next(
            kind for kind in (np.uint8, np.uint16, np.int32, np.int64) if largest <= np.iinfo(kind).max
        )
        writing, total = unfinished.writing(path), hashlib.sha256()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.clear(path.parent, path.name)
            with writing.open("wb") as file:
                for piece in pieces:
                    content = piece.astype(dtype).tobytes()
                    total.update(content)
                    file.write(content)
            os.replace(writing, path)
        except OSError as fault:
            raise BundleError(
                f"cannot write the tokens {path}: {fault.strerror or fault}; free some space or choose another folder"
            ) from fault
        finally:
            with contextlib.suppress(OSError):
                writing.unlink()
        return cls(path, dtype, total.hexdigest())

    def __len__(self) -> int:
        return os.fstat(self._descriptor).st_size // self.dtype.itemsize

    def __getitem__(self, part: slice) -> Int64[Tensor, " tokens"]:
        """The numbers of a part without steps, read now. Raises BundleError if the file has become shorter."""
        start, stop, _ = part.indices(len(self))
        size = self.dtype.itemsize
        content = os.pread(self._descriptor, (stop - start) * size, start * size)
        if len(content) != (stop - start) * size:
            raise BundleError(f"{self.path} has become shorter while it was read; start again")
        return torch.from_numpy(np.frombuffer(content, self.dtype).astype(np.int64))
