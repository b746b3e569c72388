"""An ONNX file → its graph and tensors: sizes are bounded before anything is made, and no path leaves the folder."""

import math
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...convert.foreign_file import read_foreign_file
from ...errors import ConversionError

# What protobuf, the format of an ONNX file, can hold.
_LARGEST = 2**31

# By ONNX's number of the element type.
DTYPES = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool,
    10: torch.float16, 11: torch.float64,
}  # fmt: skip
_NUMPY = {
    torch.float32: "<f4", torch.uint8: "u1", torch.int8: "i1", torch.int16: "<i2", torch.int32: "<i4",
    torch.int64: "<i8", torch.bool: "?", torch.float16: "<f2", torch.float64: "<f8",
}  # fmt: skip


class ModelFile:
    """A parsed file. graph: its GraphProto. opset: the version of ONNX's operators that it was written for.

    Raises ConversionError for what is no ONNX file, for operators older than opset 7, whose meaning is another.
    """

    def __init__(self, file: str | os.PathLike[str]) -> None:
        from google.protobuf.message import DecodeError
        from onnx import ModelProto

        self.path = Path(file)
        content = read_foreign_file(self.path, "an ONNX file", largest=_LARGEST)
        try:
            model = ModelProto.FromString(content)
        except (DecodeError, ValueError) as error:
            raise ConversionError(
                f"{self.path} is no ONNX file: {error}; give one that an exporter wrote"
            ) from None
        if not model.graph.node:
            raise ConversionError(
                f"{self.path} is no ONNX file, or its graph has no node; give one that an exporter wrote"
            )
        self.graph: Any = model.graph
        self.opset = self._opset(model.opset_import)
        self._folder = Path(os.path.realpath(self.path.parent))
        self._bytes_left: dict[Path, int] = {}

    def tensor(self, proto: Any) -> Tensor:
        """A TensorProto as a tensor. Raises ConversionError where its numbers are not those that it announces."""
        title = f"the tensor {proto.name!r}" if proto.name else "a constant without a name"
        dtype = DTYPES.get(proto.data_type)
        if dtype is None:
            raise ConversionError(
                f"{self.path}: {title} has ONNX's element type {proto.data_type}; known are "
                f"{', '.join(f'{number} ({_word(kind)})' for number, kind in DTYPES.items())}"
            )
        shape = tuple(proto.dims)
        if any(size < 0 for size in shape) or proto.HasField("segment"):
            raise ConversionError(f"{self.path}: {title} is in pieces or of negative size, {list(shape)}")
        count = math.prod(shape)
        if proto.data_location == proto.EXTERNAL:
            content = self._external(proto, title, count * np.dtype(_NUMPY[dtype]).itemsize)
        elif proto.HasField("raw_data"):
            content = proto.raw_data
        else:
            return self._listed(proto, title, dtype, shape)
        if len(content) != count * np.dtype(_NUMPY[dtype]).itemsize:
            raise ConversionError(
                f"{self.path}: {title} of shape {list(shape)} has {len(content):,} bytes, which are not its "
                f"{count:,} numbers of {_word(dtype)}; export the file again"
            )
        if dtype is torch.bool:
            return torch.from_numpy(np.frombuffer(content, "u1").reshape(shape) != 0)
        return torch.from_numpy(np.frombuffer(content, _NUMPY[dtype]).reshape(shape).copy())

    def _listed(self, proto: Any, title: str, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
        """The numbers of a tensor that are written as a list."""
        from onnx import numpy_helper

        try:
            return torch.from_numpy(np.array(numpy_helper.to_array(proto), np.dtype(_NUMPY[dtype])))
        except (ValueError, TypeError, OverflowError) as error:
            raise ConversionError(
                f"{self.path}: {title} of shape {list(shape)} cannot be read: {error}; export the file again"
            ) from None

    def _external(self, proto: Any, title: str, size: int) -> bytes:
        """A tensor's bytes in a file beside this one."""
        entries = {entry.key: entry.value for entry in proto.external_data}
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", size))
        except ValueError:
            offset = length = -1
        location = entries.get("location", "")
        if not isinstance(location, str) or "\0" in location or not location:
            raise ConversionError(
                f"{self.path}: {title} names no file for its numbers; export the file again"
            )
        path = Path(os.path.realpath(self._folder / location))
        if not path.is_relative_to(self._folder):
            raise ConversionError(
                f"{self.path}: {title} asks for {location!r}, which is outside the file's own folder; "
                "put the data beside the file and export it with a relative path"
            )
        try:
            info = path.stat()
        except OSError as error:
            raise ConversionError(
                f"{self.path}: the numbers of {title} are in {path}, which cannot be read: {error.strerror}; "
                "put that file beside the model"
            ) from None
        # Tensors that overlap would ask for more memory than the files have bytes.
        left = self._bytes_left.setdefault(path, info.st_size)
        if (
            not stat.S_ISREG(info.st_mode)
            or length != size
            or offset < 0
            or offset + size > info.st_size
            or size > left
        ):
            raise ConversionError(
                f"{self.path}: {title} takes {size:,} bytes and asks for {length:,} from {offset:,} on in {path}, "
                f"a file of {info.st_size:,} bytes, {left:,} of them not yet taken; export the file again"
            )
        self._bytes_left[path] = left - size
        with path.open("rb") as data:
            data.seek(offset)
            return data.read(size)

    def _opset(self, imports: Iterable[Any]) -> int:
        version = next((entry.version for entry in imports if entry.domain in ("", "ai.onnx")), None)
        if version is None or not 7 <= version <= 100:
            raise ConversionError(
                f"{self.path} was written for opset {version} of ONNX's operators, and 7 or later is read; "
                "convert it with onnx.version_converter.convert_version(model, 13)"
            )
        return int(version)


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
