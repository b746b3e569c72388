"""A model folder → NAME.h and NAME.c, written whole or not at all."""

import re
from dataclasses import dataclass
from pathlib import Path

from ..emit.c import functions, functions_called
from ..export import folder as folders
from ..runtime import RuntimeTask, load
from .heads import add_model
from .interface import Interface
from .source import Source, filled

_HEADER = """\
/* @: <title>, written by keepgate as C99. It needs no library, not even libm, and allocates nothing.
 *
 * <about>.
 * <text>Different threads need different states and workspaces.
 */
#ifndef <GUARD>_H
#define <GUARD>_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

<defines>

/* All the memory between two steps: <state_bytes> bytes. */
typedef struct {
<members>
} @_state;

<functions>

#ifdef __cplusplus
}
#endif

#endif
"""
_TEXT = """\
Numbers of tokens are their places in vocabulary.json of the model's folder, counted from 2; 0 is padding, 1 unknown.
 * Scores are before the softmax. Steps are at least 1. """
_TEXT_DEFINES = """\
#define <GUARD>_IDS <ids>        /* numbers that each step is given */
#define <GUARD>_SCORES <scores>
/* Floats of the workspace for so many steps; where a question is read too, for those of the longer one. */
#define <GUARD>_WORKSPACE(steps) ((steps) * <workspace>L + 1)"""
_STEPS = """/* Begins another stream. */
void @_reset(@_state *s);
"""


@dataclass(frozen=True)
class CExport:
    """What was printed for a model: bytes of the weights, which are constants, the state, and the workspace a step."""

    name: str
    files: dict[str, bytes]
    weight_bytes: int
    state_bytes: int
    workspace_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.weight_bytes:,} bytes of weights (constant), {self.state_bytes:,} bytes of state, "
            f"{self.workspace_bytes:,} bytes of workspace for each step of a text; nothing is allocated"
        )


def export(model: RuntimeTask | Path | str, folder: Path | str | None, *, name: str | None = None) -> CExport:
    """Writes a model as C99, or only says what it would take.

    model: a folder, or what `keepgate.runtime.load` gave. folder: where NAME.h and NAME.c go; None writes nothing.
    name: what every name in the files begins with; the model folder's name if None.
    Raises BundleError where the model cannot be read or the folder not be written, ExportError for a task or cell that
    has no text in C, by name.
    """
    task = model if isinstance(model, RuntimeTask) else load(model, threads=1)
    chosen_name = (
        name
        if name is not None
        else "model"
        if isinstance(model, RuntimeTask)
        else Path(model).resolve().name
    )
    source = Source(_identifier(chosen_name))
    interface = add_model(source, task)
    result = CExport(
        name=source.name,
        files={
            f"{source.name}.h": _header(source, task, interface).encode(),
            f"{source.name}.c": _source(source).encode(),
        },
        weight_bytes=source.weight_bytes,
        state_bytes=source.state_bytes,
        workspace_bytes=4 * interface.workspace,
    )
    if folder is not None:
        folders.write(Path(folder), result.files, kind="C export")
    return result


def _identifier(name: str) -> str:
    """The name as C has names: letters, digits and underscores, a letter first."""
    text = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return text if re.match("[a-z]", text) else f"model_{text}".rstrip("_")


def _header(source: Source, task: RuntimeTask, interface: Interface) -> str:
    members = "\n".join(f"  float {name}[{count}];" for name, count in source.state.items())
    prototypes = interface.run + _STEPS + (interface.step if interface.streams else "")
    reads_text = interface.ids > 0
    values = {
        "functions": prototypes.strip(), "text": _TEXT if reads_text else "",
        "defines": _TEXT_DEFINES if reads_text else interface.defines, "GUARD": source.name.upper(),
        "about": interface.about, "ids": interface.ids, "scores": interface.scores,
        "workspace": interface.workspace, "state_bytes": f"{source.state_bytes:,}", "members": members,
        "units": task.layer.output_size, "title": f"a {task.kind.replace('-', ' ')}",
    }  # fmt: skip
    return filled(_HEADER, **values).replace("@", source.name)


def _source(source: Source) -> str:
    code = "\n\n".join(source.code)
    return "\n\n".join(
        [
            f'/* Written by keepgate; see {source.name}.h. */\n#include "{source.name}.h"',
            "\n".join(source.constants()),
            *functions(functions_called(code, source.name), source.name),
            code + "\n",
        ]
    )
