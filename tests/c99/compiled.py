"""An exported model, compiled as strict C99 and called from Python."""

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]


def compiler() -> str:
    """The C compiler, which the C++ compiler that made the core brings."""
    program = shutil.which("cc") or shutil.which("gcc")
    assert program is not None, "no program is called cc or gcc; Debian's package g++ brings both"
    return program


class Compiled:
    """The functions of NAME.h. Everything is linked without a library: a call of libm's would be undefined."""

    def __init__(self, folder: Path, name: str) -> None:
        library = folder.parent / f"{name}.so"
        command = [compiler(), *FLAGS, "-fPIC", "-shared", "-nostdlib", "-Wl,-z,defs", folder / f"{name}.c"]
        done = subprocess.run([*command, "-o", library], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        self._library, self.name = ctypes.CDLL(str(library)), name
        defines = [line.split() for line in (folder / f"{name}.h").read_text().splitlines()]
        upper = name.upper()
        self.scores = int(next(line[2] for line in defines if line[:2] == ["#define", f"{upper}_SCORES"]))
        self.ids = int(next(line[2] for line in defines if line[:2] == ["#define", f"{upper}_IDS"]))

    def __getattr__(self, function: str) -> Any:
        return getattr(self._library, f"{self.name}_{function}")

    def run(
        self, ids: Any, question: Any = None, *, state_bytes: int, workspace_bytes: int
    ) -> NDArray[np.float32]:
        """The scores. State, workspace and scores have guards behind them, which must stay as they are."""
        texts = [np.ascontiguousarray(ids, np.int32)]
        texts += [] if question is None else [np.ascontiguousarray(question, np.int32)]
        counts = [len(text) for text in texts]
        sizes = [state_bytes // 4, max(counts) * workspace_bytes // 4 + 1, self.scores]
        state, workspace, scores = (np.full(size + 16, 777, np.float32) for size in sizes)
        arguments: list[Any] = [_at(state)]
        for text, count in zip(texts, counts, strict=True):
            arguments += [_at(text), ctypes.c_long(count)]
        self._library[f"{self.name}_run"](*arguments, _at(workspace), _at(scores))
        assert all((array[-16:] == 777).all() for array in (state, workspace, scores))
        return scores[: self.scores]


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
