"""A Keras file (.keras, .h5, .weights.h5) → its layers: names, settings and arrays. Nothing of it is run."""

import io
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BundleError, ConversionError
from ..export.parsing import parse_json
from .foreign_file import read_foreign_file
from .hdf5 import Group, read_hdf5

_LARGEST = 1 << 31
_REMEDY = "save the model again with model.save(FILE)"

Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class KerasLayer:
    """One layer. kind: its class's name, None where the file has weights alone. config: its settings then, else empty.

    arrays: its weights in Keras' order, those of a Bidirectional forward before backward.
    """

    name: str
    kind: str | None
    config: Mapping[str, Any]
    arrays: Arrays


@dataclass(frozen=True)
class KerasFile:
    """What a file has. layers: in the model's order.

    no_chain: why the layers are not simply one after the other, so that the whole cannot be called; None if they are.
    version:  of Keras, its first number.
    """

    path: Path
    layers: tuple[KerasLayer, ...]
    no_chain: str | None
    version: int


def read_keras(file: str | os.PathLike[str]) -> KerasFile:
    """The layers of a file. Raises ConversionError for what is no file of Keras, or is damaged."""
    path = Path(file)
    content = read_foreign_file(path, "a file of Keras", largest=_LARGEST)
    if content[:2] == b"PK":
        return _from_archive(path, content)
    root = read_hdf5(content, path)
    version = _version(root.attributes.get("keras_version"))
    config = root.attributes.get("model_config")
    if config is not None:
        weights = root.groups.get("model_weights", Group())
        model = _json(path, str(config).encode())
        return _with_config(
            path, model, version, lambda name, _: _listed(weights.groups.get(name, Group()), path)
        )
    if names := _texts(root, "layer_names"):
        groups = {name: root.groups.get(name, Group()) for name in names}
        layers = [_alone(name, _listed(group, path), str(group.attributes)) for name, group in groups.items()]
        return _weights_alone(path, layers, version)
    if "layers" in root.groups:
        groups = root.groups["layers"].groups
        layers = [_alone(_name_of(group) or key, _numbered(group), key) for key, group in groups.items()]
        return _weights_alone(path, layers, 3)
    raise ConversionError(
        f"{path} is an HDF5 file, but none of Keras: it has neither layers nor names of layers; {_REMEDY}"
    )


def _from_archive(path: Path, content: bytes) -> KerasFile:
    """A .keras file: a zip archive of config.json, metadata.json and model.weights.h5."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            config, metadata, weights = (
                _member(archive, name, len(content))
                for name in ("config.json", "metadata.json", "model.weights.h5")
            )
    except (
        zipfile.BadZipFile,
        zlib.error,
        LookupError,
        OSError,
        ValueError,
        RuntimeError,
        EOFError,
    ) as error:
        raise ConversionError(f"{path} is no .keras file, or damaged: {error}; {_REMEDY}") from None
    version = _version(_json(path, metadata).get("keras_version"))
    groups = read_hdf5(weights, path).groups.get("layers", Group()).groups
    by_name = {_name_of(group): group for group in groups.values()}

    def arrays(name: str, place: str) -> Arrays:
        return _numbered(by_name.get(name) or groups.get(place) or Group())

    return _with_config(path, _json(path, config), version, arrays)


def _member(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """A file of the archive. Keras does not compress, so that none is much larger than all of it."""
    info = archive.getinfo(name)
    if info.file_size > 16 * size + (1 << 20):
        raise ValueError(f"{name} would have {info.file_size:,} bytes in an archive of {size:,}")
    with archive.open(info) as member:
        return member.read(info.file_size)


def _with_config(
    path: Path, model: Mapping[str, Any], version: int, arrays_of: Callable[[str, str], Arrays]
) -> KerasFile:
    """The layers that a model's configuration lists.

    arrays_of: the weights of a layer, by its name, or by what Keras 3 calls its place: its class and how many of that
    class came before.
    """
    settings = _table(path, model.get("config"), "the model's config")
    entries = settings.get("layers")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConversionError(f"{path} has no list of layers in its configuration; {_REMEDY}")
    layers, counts = [], Counter[str]()
    for entry in entries:
        kind, config = str(entry.get("class_name")), _table(path, entry.get("config"), "a layer's config")
        if kind == "Lambda":
            raise ConversionError(
                f"{path}: the layer {config.get('name')!r} is a Lambda, whose code is inside the file and is not "
                "run here; write it down in torch, and save the model without it"
            )
        name, snake = str(config.get("name")), _snake(kind)
        place = f"{snake}_{counts[snake]}" if counts[snake] else snake
        counts[snake] += 1
        layers.append(KerasLayer(name, kind, config, arrays_of(name, place)))
    return KerasFile(path, tuple(layers), _why_no_chain(model, entries), version)


def _why_no_chain(model: Mapping[str, Any], entries: list[dict[str, Any]]) -> str | None:
    """Why the layers are not one after the other; None if they are."""
    kind = model.get("class_name")
    if kind == "Sequential":
        return None
    if kind not in ("Functional", "Model"):
        return f"it is a {kind}, whose call is code of its own"
    previous = None
    for entry in entries:
        arguments = _arguments(entry.get("inbound_nodes"))
        sources = [_source(argument) for argument in arguments]
        if entry.get("class_name") == "NotEqual" and arguments[1:] == [0]:
            # The mask of an Embedding with mask_zero, which Keras 3 writes down as a layer of its own.
            continue
        if sources != ([] if previous is None else [previous]):
            reads = ", ".join(map(str, sources)) or "nothing"
            return f"its layer {entry.get('name')!r} reads {reads}, and is not simply the next of a row"
        previous = entry.get("name")
    return None


def _arguments(nodes: Any) -> list[Any]:
    """What a layer's calls are given, but for masks and modes: Keras 3 writes args and kwargs, Keras 2 lists."""
    arguments: list[Any] = []
    for node in nodes if isinstance(nodes, list) else []:
        if isinstance(node, dict):
            positional, keywords = node.get("args"), node.get("kwargs")
            arguments += positional if isinstance(positional, list) else [None]
            arguments += [
                value
                for key, value in (keywords if isinstance(keywords, dict) else {}).items()
                if key not in ("mask", "training") and value is not None
            ]
        else:
            arguments += node if isinstance(node, list) else [None]
    return arguments


def _source(argument: Any) -> Any:
    """The name of the layer whose output an argument is; None for anything else."""
    if isinstance(argument, dict) and isinstance(argument.get("config"), dict):
        argument = argument["config"].get("keras_history")
    return argument[0] if isinstance(argument, list) and argument and isinstance(argument[0], str) else None


def _weights_alone(path: Path, layers: Iterable[KerasLayer], version: int) -> KerasFile:
    present = tuple(layer for layer in layers if layer.arrays)
    return KerasFile(path, present, "the file has weights without a configuration", version)


def _alone(name: str, arrays: Arrays, place: str) -> KerasLayer:
    """A layer without its settings. place: what the file says of where it is, which tells an Embedding from a Dense."""
    return KerasLayer(name, "Embedding" if len(arrays) == 1 and "embedding" in place else None, {}, arrays)


def _listed(group: Group, path: Path) -> Arrays:
    """The arrays of a layer in a file of Keras 2, in the order of its weight_names."""
    try:
        return tuple(group.array(name) for name in _texts(group, "weight_names"))
    except KeyError as error:
        raise ConversionError(
            f"{path} lists the weight {error.args[0]!r}, which it does not have; {_REMEDY}"
        ) from None


def _numbered(group: Group) -> Arrays:
    """The arrays of a layer in a file of Keras 3: its own by number, then those of what is within it."""
    own = group.groups.get("vars", Group()).arrays
    arrays = [own[key] for key in sorted(own, key=lambda key: (len(key), key))]
    for inner in ("cell", "layer", "forward_layer", "backward_layer"):
        if inner in group.groups:
            arrays += _numbered(group.groups[inner])
    return tuple(arrays)


def _name_of(group: Group) -> str | None:
    name = group.groups.get("vars", Group()).attributes.get("name")
    return name if isinstance(name, str) else None


def _texts(group: Group, name: str) -> list[str]:
    """A list of texts among a group's attributes; a long one Keras cuts into NAME0, NAME1, …"""
    pieces = [
        group.attributes.get(name),
        *(group.attributes.get(f"{name}{place}") for place in range(len(group.attributes))),
    ]
    return [text for piece in pieces if isinstance(piece, list) for text in piece]


def _table(path: Path, value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConversionError(f"{path}: {what} is {type(value).__name__}, expected an object; {_REMEDY}")
    return value


def _json(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return parse_json(path, content, _REMEDY)
    except BundleError as error:
        raise ConversionError(str(error)) from None


def _version(value: Any) -> int:
    """The first number of "3.15.1"; 2 where it is not said."""
    digits = re.match(r"\d{1,3}", str(value))
    return int(digits[0]) if digits else 2


def _snake(kind: str) -> str:
    """A class's name as Keras 3 calls a place: SimpleRNN, simple_rnn."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
