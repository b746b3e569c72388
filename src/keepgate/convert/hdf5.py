"""An HDF5 file → its groups, arrays and attributes; what it may cost is bounded by the file's own size."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConversionError, SettingsError

# Keras nests a weight ten groups deep at most.
_DEPTH = 16
_REMEDY = "save the model again with model.save(FILE)"


@dataclass
class Group:
    """attributes: texts, and lists of texts. arrays, groups: by name."""

    attributes: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    groups: dict[str, "Group"] = field(default_factory=dict)

    def array(self, path: str) -> np.ndarray:
        """The array at a path such as "lstm/lstm_cell/kernel:0". Raises KeyError where there is none."""
        group, *parts = self, *path.split("/")
        for part in parts[:-1]:
            if part not in group.groups:
                raise KeyError(path)
            group = group.groups[part]
        if parts[-1] not in group.arrays:
            raise KeyError(path)
        return group.arrays[parts[-1]]


def read_hdf5(content: bytes, path: Path) -> Group:
    """Everything in a file. Raises ConversionError for what is none, is damaged, or would be larger than the file.

    The reader is pyfive, which is Python alone: a damaged file is an error, never a crash.
    """
    if find_spec("pyfive") is None:
        raise SettingsError(
            "reading a file of Keras needs pyfive, not installed here; run: pip install 'keepgate[keras]'"
        )
    source = _Bounded(content)
    try:
        return _Reader(len(content)).group(_opened(source), 0)
    except ConversionError as error:
        raise ConversionError(f"{path} cannot be read: {error}; {_REMEDY}") from None
    except Exception as error:  # pyfive raises whatever its parsers meet, assertions among them
        reason = str(error).partition("\n")[0]
        raise ConversionError(
            f"{path} is no HDF5 file, or damaged: {type(error).__name__} {reason[:200]}; {_REMEDY}"
        ) from None


def _opened(source: io.BytesIO) -> Any:
    """pyfive's File, which makes no attribute with more entries than it has bytes."""
    import pyfive
    from pyfive.dataobjects import DataObjects

    class Objects(DataObjects):
        def _attr_value(self, ptype: Any, buf: Any, count: int, offset: int) -> Any:
            if count > len(buf):
                raise ConversionError(f"an attribute announces {count:,} entries, and has {len(buf):,} bytes")
            return super()._attr_value(ptype, buf, count, offset)

    class File(pyfive.File):
        def _get_dataobjects(self, obj_addr: int) -> Any:
            if obj_addr not in self._dataobjects_cache:
                self._dataobjects_cache[obj_addr] = Objects(
                    self._fh, obj_addr, decode_strings=self.decode_strings, global_heaps=self._global_heaps
                )
            return self._dataobjects_cache[obj_addr]

    return File(source)


class _Bounded(io.BytesIO):
    """The content of a file, of which no more is read than it could take to read it all several times."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.bytes_left, self.reads_left = 64 * len(content) + (1 << 20), 4_000 + len(content) // 32

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_left -= len(data)
        self.reads_left -= 1
        if self.bytes_left < 0 or self.reads_left < 0:
            raise ConversionError("its parts point at one another in circles")
        return data


class _Reader:
    """size: bytes of the file, of which no part may be larger."""

    def __init__(self, size: int) -> None:
        self.left = size

    def group(self, source: Any, depth: int) -> Group:
        """A group of pyfive's with all that is in it."""
        import pyfive

        if depth > _DEPTH:
            raise ConversionError(f"it nests groups more than {_DEPTH} deep")
        group = Group(attributes=self._attributes(source.attrs))
        for name in source:
            child = source[name]
            if isinstance(child, pyfive.Dataset):
                group.arrays[name] = self._array(child)
            elif isinstance(child, pyfive.Group):
                group.groups[name] = self.group(child, depth + 1)
        return group

    def _array(self, dataset: Any) -> np.ndarray:
        shape, dtype = tuple(map(int, dataset.shape)), np.dtype(dataset.dtype)
        if dataset.chunks is not None or dtype.kind not in "fiu" or dtype.itemsize > 8:
            raise ConversionError(
                f"{dataset.name} is compressed, or is not made of plain numbers, but of {dtype}"
            )
        self.left -= math.prod(shape) * dtype.itemsize
        if self.left < 0 or any(size < 0 for size in shape):
            raise ConversionError(f"{dataset.name} of {list(shape)} is larger than the file")
        values = np.array(dataset[()], dtype=dtype.newbyteorder("="))
        if values.shape != shape:
            raise ConversionError(
                f"{dataset.name} has {list(values.shape)} numbers, and announces {list(shape)}"
            )
        return values

    def _attributes(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """Those that are texts or lists of texts."""
        attributes: dict[str, Any] = {}
        for name in source:
            value = source[name]
            if isinstance(value, (bytes, str)):
                attributes[str(name)] = _text(value)
            elif isinstance(value, np.ndarray) and value.ndim == 1:
                attributes[str(name)] = [
                    _text(entry) for entry in value.tolist() if isinstance(entry, (bytes, str))
                ]
        return attributes


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
