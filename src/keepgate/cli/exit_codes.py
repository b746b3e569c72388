"""Exit codes and error messages: an exception → the line a person reads and the code a script reads."""

import errno
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import cyclopts

from ..errors import (
    BundleError,
    CorpusError,
    KeepgateError,
    TrainingStopped,
    nearest_first,
)
from ..lazy import missing_package

BUG, WRONG_USE, BROKEN_FILE, TRAINING_STOPPED, FELL_SHORT = 1, 2, 3, 4, 5
INTERRUPTED = 130  # Ctrl-C, as a shell says it; __main__ has it too, before anything is loaded


class FellShort(Exception):
    """A measurement below the threshold that the command was given."""


# The first class that fits decides.
_CODES: tuple[tuple[type[Exception], int], ...] = (
    (CorpusError, BROKEN_FILE),
    (BundleError, BROKEN_FILE),
    (TrainingStopped, TRAINING_STOPPED),
    (FellShort, FELL_SHORT),
    (KeepgateError, WRONG_USE),
)
_KINDS = {int: "a whole number", float: "a number"}
_REASONS = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "it may not be read or written by you",
    errno.EISDIR: "it is a folder, and a file was expected",
    errno.ENOTDIR: "a part of this path is a file, and a folder was expected",
    errno.ENOSPC: "the disk is full; make room and try again",
    errno.EEXIST: "it exists already",
    errno.EROFS: "the disk can only be read",
    errno.ENAMETOOLONG: "the name is too long",
}


@dataclass(frozen=True)
class Fault:
    """The message for the person, without a traceback, and the exit code for the shell."""

    message: str
    code: int


def fault_of(error: Exception) -> Fault:
    """The message and exit code of an exception; an unforeseen one is a bug of ours and says how to report it."""
    if isinstance(error, cyclopts.CycloptsError):
        return Fault(_wrong_use(error), WRONG_USE)
    if isinstance(error, ModuleNotFoundError):
        error = missing_package("this command", error)
    for kind, code in _CODES:
        if isinstance(error, kind):
            return Fault(str(error), code)
    if isinstance(error, OSError):
        return Fault(_broken_file(error), BROKEN_FILE)
    if _out_of_memory(error):
        return Fault(
            "there is not enough memory for this; use shorter texts, a smaller batch or a smaller network",
            BUG,
        )
    lines = str(error).strip().splitlines()
    name = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return Fault(
        f"this is a bug in keepgate ({name}). Please report it, with what this prints when it is run again with "
        "KEEPGATE_DEBUG=1 set",
        BUG,
    )


def _broken_file(error: OSError) -> str:
    reason = _REASONS.get(error.errno or 0) or (error.strerror or str(error) or "it cannot be read").lower()
    return f"{error.filename}: {reason}" if error.filename is not None else reason


def _out_of_memory(error: Exception) -> bool:
    # torch's class is told by its name, so that saying what went wrong never has to load torch.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )


def _wrong_use(error: cyclopts.CycloptsError) -> str:
    chain = " ".join(error.command_chain or ())
    command = f"keepgate {chain}".rstrip()
    return f"{_what_is_wrong(error, command)}\nSee: {command} --help"


def _what_is_wrong(error: cyclopts.CycloptsError, command: str) -> str:
    if isinstance(error, cyclopts.MissingArgumentError) and error.argument is not None:
        return _missing(error, command)
    if isinstance(error, cyclopts.RepeatArgumentError) and error.token.keyword:
        return f"{error.token.keyword} is given more than once; give it once"
    if isinstance(error, cyclopts.UnknownOptionError) and error.token.value == "-":
        return _no_standard_input(error)
    if isinstance(error, cyclopts.UnusedCliTokensError) and error.unused_tokens:
        extra = " ".join(error.unused_tokens)
        return f"`{command}` has no use for {extra!r}; if it belongs to an option, write it after the option, in quotes"
    if isinstance(error, cyclopts.CoercionError) and error.token is not None and error.argument is not None:
        return _not_a_value(error.token.keyword or error.argument.name, error.token.value, error.target_type)
    if isinstance(error, cyclopts.ValidationError) and error.exception_message:
        return error.exception_message
    text = str(error).strip()
    return text[:1].lower() + text[1:].rstrip(".") if text else "this cannot be understood"


def _no_standard_input(error: cyclopts.UnknownOptionError) -> str:
    """That a hyphen, which stands for standard input, stands where it is not read."""
    places = [
        argument.name.upper()
        for argument in error.argument_collection
        if argument.index is not None and not argument.parameter.allow_leading_hyphen
    ]
    place = places[0] if len(places) == 1 else "a file or a folder"
    hint = "" if place == "MODEL" else "; save what comes from there, and name the file"
    return f"- stands where {place} belongs; standard input is not read there{hint}"


def _not_a_value(name: str, text: str, kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"{name} is {text!r}; choose one of {', '.join(nearest_first(text, get_args(kind)))}"
    return f"{name} is {text!r}; it must be {_KINDS.get(kind, 'another kind of value')}"


def _missing(error: cyclopts.MissingArgumentError, command: str) -> str:
    argument = error.argument
    assert argument is not None
    option = error.keyword or next((token.keyword for token in argument.tokens if token.keyword), None)
    if option or set(argument.names) & set(error.root_input_tokens or ()):
        return f"{option or argument.name} needs a value after it"
    name = argument.name if argument.name.startswith("--") else argument.name.upper()
    about = argument.parameter.help
    return f"`{command}` needs {name}" + (f": {about[:1].lower()}{about[1:].rstrip('.')}" if about else "")
