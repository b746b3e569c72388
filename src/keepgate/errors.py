"""What can go wrong, as classes. Every message says what was given, what was expected and what to do."""

from collections.abc import Iterable


class KeepgateError(Exception):
    """The parent of every error that keepgate raises on purpose."""


class ShapeError(KeepgateError, ValueError, RuntimeError):
    """A tensor has the wrong size, dtype or device.

    It is a ValueError and a RuntimeError too, because torch.nn raises now one, now the other, and code that
    catches torch's must go on working.
    """


class CellError(KeepgateError, ValueError):
    """A cell is described wrongly, is unknown, or cannot do what was asked of it."""


class KernelRefused(KeepgateError, RuntimeError):
    """A kernel that was asked for by name cannot run this call."""


class SettingsError(KeepgateError, ValueError):
    """A setting has a value that makes no sense, alone or beside another."""


class CorpusError(KeepgateError, ValueError):
    """Data that cannot be read. The message names the file and, where there is one, line and column."""


class BundleError(KeepgateError, ValueError):
    """A model or checkpoint folder that cannot be read or written: missing, altered, truncated, disk full."""


class ExportError(KeepgateError, RuntimeError):
    """A model cannot be exported, or what was exported does not compute what the model computes."""


class ConversionError(KeepgateError, ValueError):
    """A model of another library that cannot be read: damaged, or with a part that has no counterpart here."""


class PackageMissing(KeepgateError, ModuleNotFoundError):
    """A package that one of keepgate's extras brings is not installed. The message names the extra."""


class TrainingStopped(KeepgateError, RuntimeError):
    """Training met NaN or infinity. The message names the step, the tensor and the last good checkpoint."""


class ProcessLost(TrainingStopped):
    """Another process of the same training did not come, has ended, or cannot be reached any more."""


def nearest_first(given: str, known: Iterable[str]) -> list[str]:
    """The known names, those most like the given one first: how an error lists them."""
    import difflib

    return sorted(known, key=lambda name: -difflib.SequenceMatcher(None, given.lower(), name.lower()).ratio())
