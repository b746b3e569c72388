"""What a model folder holds, read and checked without torch, before anything is built from it."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ..config import settings_from
from ..errors import BundleError, CellError, KeepgateError, nearest_first
from . import folder as folders
from .parsing import TensorForm, check_lists, parse_json, parse_toml, tensor_forms

T = TypeVar("T")
FORMAT = 2
WEIGHTS = "weights.safetensors"
# The most bytes of each file but the weights, which may have as many as settings and vocabulary call for.
LIMITS = {"model.toml": 1 << 16, "vocabulary.json": 1 << 25, "card.md": 1 << 20}
# A layer has at least its two weights.
_TENSORS_PER_LAYER = 2

# What content raises that keepgate did not write, though its sums are right.
FOREIGN_CONTENT = (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, ValueError)

REMEDY = "copy the model again from where it came, or train it again"


@dataclass(frozen=True)
class Content:
    """A folder's files but the numbers of its weights, of which `header` has names and forms."""

    path: Path
    kind: str
    model: Mapping[str, Any]
    vocabulary: Mapping[str, Any]
    header: Mapping[str, TensorForm]

    @property
    def weights_path(self) -> Path:
        """The file of the weights."""
        return self.path / WEIGHTS

    def build(self, settings_type: type, make: Callable[[Any, Mapping[str, Any]], T]) -> T:
        """What `make` makes of settings and vocabulary. Raises BundleError, whatever foreign content raised there."""
        path = self.path / "model.toml"
        try:
            return make(settings_from(settings_type, settings_values(self.model)), self.vocabulary)
        except CellError as fault:
            raise BundleError(f"no model can be built from {path}: {fault}") from fault
        except (KeepgateError, *FOREIGN_CONTENT, MemoryError) as fault:
            raise BundleError(
                f"no model can be built from {path} and its vocabulary: {fault}; {REMEDY}"
            ) from fault

    def read_weights(self) -> bytes:
        """The bytes of the weights. Raises BundleError if they are altered, or more than the header's numbers take."""
        # A header and numbers of at most eight bytes.
        limits = {WEIGHTS: 8 * sum(math.prod(form.shape) for form in self.header.values()) + (1 << 23)}
        return folders.read(self.path, limits, kind="model", remedy=REMEDY, limits=limits)[WEIGHTS]


def read_content(path: Path, kinds: Collection[str] | None) -> Content:
    """A folder's content. kinds: the names of those that can be built; None for any.

    Raises BundleError for anything wrong with it (missing, altered, truncated, too large, of an unknown kind or a newer
    format); the message says what and what to do.
    """
    content = folders.read(path, LIMITS, kind="model", remedy=REMEDY, limits=LIMITS)
    model = parse_toml(path / "model.toml", content["model.toml"], REMEDY)
    kind = _kind(path / "model.toml", model, kinds)
    vocabulary = parse_json(path / "vocabulary.json", content["vocabulary.json"], REMEDY)
    folders.check_size(path, WEIGHTS, kind="model", remedy=REMEDY)
    header = tensor_forms(path / WEIGHTS, REMEDY)
    size = sum(math.prod(form.shape) for form in header.values())
    check_lists(path / "vocabulary.json", vocabulary, size, REMEDY)
    _refuse_more_layers(path / "model.toml", model, len(header) // _TENSORS_PER_LAYER)
    return Content(path, kind, model, vocabulary, header)


def settings_table(settings: Any) -> dict[str, Any]:
    """A settings dataclass as the table `settings`, and the names of those that are None as `none`."""
    values = plain(settings)
    return {
        "none": [field.name for field in fields(settings) if field.name not in values],
        "settings": values,
    }


def plain(settings: Any) -> dict[str, Any]:
    """The fields of a settings dataclass that are not None, as values that TOML can hold."""
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None
    }


def settings_values(table: Mapping[str, Any]) -> dict[str, Any]:
    """The values from which `settings_table` made a table. Raises BundleError if the table has another form."""
    names, values = table.get("none", []), table.get("settings", {})
    if (
        not isinstance(values, dict)
        or not isinstance(names, list)
        or not all(isinstance(name, str) for name in names)
    ):
        raise BundleError("`settings` must be a table and `none` a list of names")
    return {**values, **dict.fromkeys(names)}


def refuse_misfits(
    own: Mapping[str, TensorForm], weights: Mapping[str, TensorForm], path: Path, remedy: str
) -> None:
    """Raises BundleError unless the weights of a file are those that a model has, by name and form."""
    missing, unknown = own.keys() - weights.keys(), weights.keys() - own.keys()
    for names, fault in ((missing, "has no"), (unknown, "has an unknown")):
        if names:
            raise BundleError(f"{path} {fault} tensor {min(names)} ({len(names)} such in all); {remedy}")
    for name, form in own.items():
        if weights[name] != form:
            raise BundleError(
                f"{path}: tensor {name} is {weights[name]}, but these settings make it {form}; {remedy}"
            )


def refuse_not_finite(path: Path, name: str, finite: bool, remedy: str) -> None:
    """Raises BundleError for a tensor whose numbers are not all finite."""
    if not finite:
        raise BundleError(
            f"{path}: tensor {name} holds NaN or infinity, so that no answer rests on it; {remedy}"
        )


def _refuse_more_layers(path: Path, model: Mapping[str, Any], most: int) -> None:
    layers = settings_values(model).get("num_layers")
    if isinstance(layers, int) and layers > most:
        raise BundleError(
            f"{path} asks for {layers:,} layers, and the weights are of {most:,} at most; {REMEDY}"
        )


def _kind(path: Path, model: Mapping[str, Any], kinds: Collection[str] | None) -> str:
    version, kind = model.get("format"), model.get("kind")
    if version != FORMAT:
        raise BundleError(
            f"{path} has format {version!r}, and this keepgate reads format {FORMAT}; "
            f"{'install a newer keepgate' if isinstance(version, int) and version > FORMAT else REMEDY}"
        )
    if not isinstance(kind, str) or (kinds is not None and kind not in kinds):
        raise BundleError(
            f"{path} is of kind {kind!r}; this keepgate knows "
            f"{', '.join(nearest_first(str(kind), kinds or ()))}; "
            "install the keepgate that wrote it, or train it again"
        )
    return kind
