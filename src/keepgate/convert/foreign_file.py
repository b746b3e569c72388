"""A file that somebody else wrote, read whole, where it is a file and not too large."""

import os
import stat
from pathlib import Path

from ..errors import ConversionError


def read_foreign_file(path: Path, expected: str, *, largest: int) -> bytes:
    """The file's bytes. Raises ConversionError where it is missing, no file, cannot be read or has `largest` bytes.

    expected: what was expected, for messages: "an ONNX file".
    """
    try:
        # Without O_NONBLOCK a pipe that nobody writes to would be waited for.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode):
                raise ConversionError(f"{path} is a folder or a device, and {expected} was expected")
            if info.st_size >= largest:
                raise ConversionError(
                    f"{path} has {info.st_size:,} bytes, and {expected} is read below {largest:,}"
                )
            return file.read(largest)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConversionError(f"{path} cannot be read: {reason}; give the path of {expected}") from None
