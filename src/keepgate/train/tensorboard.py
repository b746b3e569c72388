"""TensorBoard beside the JSON lines: each number of a record as a scalar. Needs the extra `tensorboard`."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import BundleError, SettingsError


@contextlib.contextmanager
def scalars(folder: Path, step: int) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes a record of metrics.jsonl into TensorBoard's files in the folder.

    step: of the training so far; what a stopped one wrote of later steps is no longer shown.
    Raises SettingsError without the package, BundleError if the folder cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as missing:
        raise SettingsError(
            "TensorBoard's files need tensorboard, which is not installed; run: pip install 'keepgate[tensorboard]'"
        ) from missing
    try:
        writer = SummaryWriter(str(folder), purge_step=step + 1)
    except OSError as fault:
        raise BundleError(
            f"cannot write TensorBoard's files in {folder}: {fault.strerror or fault}; name another folder"
        ) from fault

    def add(record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            named = value.items() if isinstance(value, Mapping) else [("", value)] if name != "step" else []
            for part, number in named:
                writer.add_scalar(f"{name}/{part}".rstrip("/"), number, record["step"])
        writer.flush()

    try:
        yield add
    finally:
        writer.close()
