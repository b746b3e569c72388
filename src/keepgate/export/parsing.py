"""Parsers of a model folder's files: size, nesting and counts are bounded before anything is built from them."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from ..errors import BundleError

# tomllib's time grows with the square of a dotted key's parts, and json's memory with the containers: an empty list
# takes two bytes in the file and 56 in memory. What keepgate writes has no dotted key and a dozen lists.
_DOTS_IN_A_LINE = 200
_CONTAINERS = 10_000
# A tensor's entry in the header takes about a hundred bytes.
_HEADER_BYTES = 1 << 20


class TensorForm(NamedTuple):
    """Shape and dtype ("float32") of a tensor."""

    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{list(self.shape)} {self.dtype}"


def parse_toml(path: Path, content: bytes, remedy: str) -> dict[str, Any]:
    """The table in `content`, which was read from `path`. Raises BundleError if it is none, or nested too deep."""
    if any(line.count(b".") > _DOTS_IN_A_LINE for line in content.splitlines()):
        raise BundleError(
            f"{path} has a line with more than {_DOTS_IN_A_LINE} dots, which no settings need; {remedy}"
        )
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as fault:
        raise BundleError(f"{path} is not readable TOML: {fault}; {remedy}") from fault


def parse_json(path: Path, content: bytes, remedy: str) -> dict[str, Any]:
    """The object in `content`, which was read from `path`.

    Raises BundleError if it is none, is nested too deep, or holds a number beyond 64 bits, NaN or infinity.
    """
    containers = content.count(b"[") + content.count(b"{")
    if containers > _CONTAINERS:
        raise BundleError(
            f"{path} is not readable JSON: it opens {containers:,} lists and objects, and may open {_CONTAINERS:,}; "
            f"{remedy}"
        )
    try:
        value = json.loads(content.decode(), parse_int=_int64, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise BundleError(f"{path} is not readable JSON: {fault}; {remedy}") from fault
    if not isinstance(value, dict):
        raise BundleError(f"{path} holds a {type(value).__name__} and should hold an object; {remedy}")
    return value


def tensor_forms(path: Path, remedy: str) -> dict[str, TensorForm]:
    """The form of each tensor of a safetensors file, from its header alone.

    Raises BundleError if it cannot be read, or has a header of more than 1 MiB.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
        if length > _HEADER_BYTES:
            raise ValueError(f"its header is said to have {length:,} bytes and may have {_HEADER_BYTES:,}")
        with safe_open(path, "np") as tensors:
            entries = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            return {
                name: TensorForm(tuple(entry.get_shape()), _dtype(entry.get_dtype()))
                for name, entry in entries.items()
            }
    except (SafetensorError, ValueError, OSError, RuntimeError) as fault:
        raise BundleError(f"{path} cannot be read as tensors: {fault}; {remedy}") from fault


def check_lists(path: Path, vocabulary: Mapping[str, Any], weights: int, remedy: str) -> None:
    """Raises BundleError if a list of the vocabulary is longer than there are weights: each entry has its own."""
    for name, values in vocabulary.items():
        if isinstance(values, list) and len(values) > max(weights, _CONTAINERS):
            raise BundleError(
                f"{path} lists {len(values):,} {name}, and the model has {weights:,} weights in all; {remedy}"
            )


def _dtype(name: str) -> str:
    """numpy's and torch's name of a dtype by safetensors' name, such as BF16."""
    letters = name.rstrip("0123456789")
    words = {"F": "float", "BF": "bfloat", "I": "int", "U": "uint"}
    if name == "BOOL":
        return "bool"
    if letters not in words or letters == name:
        raise ValueError(f"it holds numbers of type {name}")
    return words[letters] + name.removeprefix(letters)


def _int64(digits: str) -> int:
    number = int(digits) if len(digits) < 21 else 1 << 63
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{digits[:24]}{'…' * (len(digits) > 24)} does not fit into 64 bits")
    return number


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a finite number")
