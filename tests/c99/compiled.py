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
        sizes = {
            line[1].removeprefix(f"{upper}_"): line[2]
            for line in defines
            if line[:1] == ["#define"] and line[2:]
        }
        self.scores, self.ids = (int(sizes.get(name, 0)) for name in ("SCORES", "IDS"))
        self.read = np.float64 if "FEATURES" in sizes else np.int32
        self.spans = int(sizes.get("SPANS", 0))
        self.ahead, self.targets, self.levels = (int(sizes.get(n, 0)) for n in ("AHEAD", "TARGETS", "LEVELS"))

    def __getattr__(self, function: str) -> Any:
        return getattr(self._library, f"{self.name}_{function}")

    def run(
        self, ids: Any, question: Any = None, *, state_bytes: int, workspace_bytes: int
    ) -> NDArray[np.float32]:
        """The scores of a text, or of a series' values. What is written to has guards behind it."""
        texts = [np.ascontiguousarray(ids, self.read)]
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

    def run_tags(
        self, ids: Any, *labels: NDArray[np.float32], state_bytes: int, workspace_bytes: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Scores [steps, labels] and tags of a text, with guards behind what is written to; so is `labels`."""
        text = np.ascontiguousarray(ids, np.int32)
        sizes = [state_bytes // 4, len(text) * workspace_bytes // 4 + 1, len(text) * self.scores]
        state, workspace, scores = (np.full(size + 16, 777, np.float32) for size in sizes)
        tags = np.full(len(text) + 16, 777, np.int32)
        steps = ctypes.c_long(len(text))
        self._library[f"{self.name}_run"](
            _at(state), _at(text), steps, _at(workspace), _at(scores), _at(tags), *map(_at, labels)
        )
        assert all((array[-16:] == 777).all() for array in (state, workspace, scores, tags))
        return scores[:-16].reshape(len(text), self.scores), tags[:-16]

    def run_span(
        self, text: Any, question: Any, *, state_bytes: int, workspace_bytes: int
    ) -> tuple[NDArray[np.float32], float, tuple[int, int]]:
        """Scores [steps, spans], the score of no answer, and the answer; from ids [steps, 2] and features of both."""
        arrays = [
            np.ascontiguousarray(part, kind)
            for side in (text, question)
            for part, kind in zip(side, (np.int32, np.float32), strict=True)
        ]
        steps, asked = len(arrays[0]), len(arrays[2])
        sizes = [state_bytes // 4, max(steps, asked) * workspace_bytes // 4 + 1, steps * self.spans]
        state, workspace, scores = (np.full(size + 16, 777, np.float32) for size in sizes)
        none, answer = np.full(1, np.nan, np.float32), np.full(2, 777, np.int32)
        self._library[f"{self.name}_run"](
            _at(state), _at(arrays[0]), _at(arrays[1]), ctypes.c_long(steps), _at(arrays[2]), _at(arrays[3]),
            ctypes.c_long(asked), _at(workspace), _at(scores), _at(none), _at(answer),
        )  # fmt: skip
        assert all((array[-16:] == 777).all() for array in (state, workspace, scores))
        return scores[:-16].reshape(steps, self.spans), float(none[0]), (int(answer[0]), int(answer[1]))

    def run_pointer(
        self, tokens: Any, steps: int, *, state_bytes: int, workspace_bytes: int
    ) -> tuple[NDArray[np.float32], float, tuple[int, int]]:
        """As `run_span`, from the ids and features of the text's tokens, `steps`, and of the question's after them."""
        sizes = [state_bytes // 4, len(tokens) * workspace_bytes // 4 + 1, steps * self.spans]
        state, workspace, scores = (np.full(size + 16, 777, np.float32) for size in sizes)
        none, answer = np.full(1, np.nan, np.float32), np.full(2, 777, np.int32)
        counts = ctypes.c_long(steps), ctypes.c_long(len(tokens) - steps)
        self._library[f"{self.name}_run"](
            _at(state), _at(tokens), *counts, _at(workspace), _at(scores), _at(none), _at(answer)
        )
        assert all((array[-16:] == 777).all() for array in (state, workspace, scores))
        return scores[:-16].reshape(steps, self.spans), float(none[0]), (int(answer[0]), int(answer[1]))

    def run_series(self, *parts: Any, state_bytes: int) -> NDArray[np.float64]:
        """The forecast [ahead, targets, levels] from values, known, numbers, categories and moments; None is null."""
        kinds = (np.float64, np.float64, np.float64, np.int32, np.float64)
        arrays = [
            None if p is None else np.ascontiguousarray(p, k) for p, k in zip(parts, kinds, strict=True)
        ]
        state = np.full(state_bytes // 4 + 16, 777, np.float32)
        forecast = np.full(self.ahead * self.targets * self.levels + 16, 777, np.float64)
        given = [None if array is None else _at(array) for array in arrays]
        self._library[f"{self.name}_run"](_at(state), *given, _at(forecast))
        assert (state[-16:] == 777).all()
        assert (forecast[-16:] == 777).all()
        return forecast[:-16].reshape(self.ahead, self.targets, self.levels)


def _at(array: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
