"""ES modules as one classic script, which a browser also runs from a file, where it loads no modules."""

import posixpath
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from .trim import unindented

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) ([\w$]+)", re.MULTILINE)
# What a browser need not load beside the indentation: comments on lines of their own.
_COMMENT = re.compile(
    r"^[ \t]*(?:/\*\*?\n(?:[ \t]*\*[^\n]*\n)*?[ \t]*\*/|/\*\*[^\n]*\*/|//[^\n]*)\n", re.MULTILINE
)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*|\bimport\(.*", re.MULTILINE)

_START = """'use strict';
  const made = shared ?? {};"""
_END = """const need = (name) => (made[name] ??= modules[name](need));
  return need(entry);"""


@dataclass(frozen=True, kw_only=True)
class Module:
    """One module. needs: the modules that it imports, by name. text: as the body of a function of `need`."""

    needs: tuple[str, ...]
    text: str


def bundle(
    entries: tuple[str, ...], read: Callable[[str], str], *, function: str, without: Collection[str] = ()
) -> str:
    """A function of the name of an entry, in JavaScript, that runs the entry's module and returns what it exports.

    read: the text of a module by its name, a path with / from the folder of the entries. without: names of modules
    that another bundle has; two functions that are given one object as second argument share their modules in it.
    Each module runs once, when first needed. Raises ValueError for an import or export of another form than
    `import { a, b } from "./c.js";` and `export const`, `export function`, `export class`, and for a cycle.
    """
    parts = ",\n".join(
        f'"{name}": (need) => {{\n{module.text}}}'
        for name, module in _modules(entries, read).items()
        if name not in without
    )
    return f"function {function}(entry, shared) {{\n  {_START}\n  const modules = {{\n{parts}\n}};\n  {_END}\n}}\n"


def module_names(entries: tuple[str, ...], read: Callable[[str], str]) -> Collection[str]:
    """The names of the modules that a bundle of these entries has."""
    return _modules(entries, read).keys()


def _modules(entries: tuple[str, ...], read: Callable[[str], str]) -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for entry in entries:
        _collect(entry, read, modules, ())
    return modules


def _collect(
    name: str, read: Callable[[str], str], modules: dict[str, Module], above: tuple[str, ...]
) -> None:
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' → '.join((*above, name))}")
    if name not in modules:
        module = _module(name, read(name))
        for needed in module.needs:
            _collect(needed, read, modules, (*above, name))
        modules[name] = module


def _module(name: str, text: str) -> Module:
    needs: list[str] = []

    def needed(match: re.Match[str]) -> str:
        needs.append(posixpath.normpath(posixpath.join(posixpath.dirname(name), match[2])))
        return f'const {{{match[1].replace(" as ", ": ")}}} = need("{needs[-1]}");\n'

    exported = [match[2] for match in _EXPORT.finditer(text)]
    text = _EXPORT.sub(r"\1 \2", _IMPORT.sub(needed, text))
    if left := _LEFT_OVER.search(text):
        raise ValueError(f"{name}: {left[0]!r} is of another form than the bundle can take")
    text = unindented(_COMMENT.sub("", text))
    return Module(needs=tuple(needs), text=f"{text}return {{ {', '.join(exported)} }};\n")
