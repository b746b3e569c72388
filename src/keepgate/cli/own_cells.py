"""Cells of one's own at the command line: those declared in the files that KEEPGATE_CELL_FILES names."""

import importlib.util
import os
import sys
from pathlib import Path

from .. import cells
from ..equations import Cell
from ..errors import SettingsError

VARIABLE = "KEEPGATE_CELL_FILES"


def register_own_cells() -> None:
    """Runs the files that the variable names, and registers their cells as FILE.CELL.

    Raises SettingsError for one that is not there, fails, has the name of a module in use, or declares no cell.
    """
    for name in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = Path(name)
        for cell in _declared_in(path):
            cells.register(cell)


def _declared_in(path: Path) -> list[Cell]:
    if not path.is_file():
        raise SettingsError(
            f"{VARIABLE} names {path}, which is no file; name the Python file that declares the cell"
        )
    before = sys.modules.get(path.stem)
    if before is not None and Path(getattr(before, "__file__", None) or "").resolve() != path.resolve():
        raise SettingsError(
            f"{VARIABLE} names {path}, and a module called {path.stem} is in use; rename the file"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{VARIABLE} names {path}, which is no Python file; its name has to end in .py")
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as fault:
        raise SettingsError(f"{path} does not run: {type(fault).__name__}: {fault}") from fault
    declared = [each for each in vars(module).values() if isinstance(each, Cell) and each not in cells.CELLS]
    if not declared:
        raise SettingsError(f"{path} declares no cell; write one under @keepgate.equations.cell in it")
    return declared
