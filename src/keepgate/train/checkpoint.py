"""Checkpoints: all that a training needs to go on exactly, written whole or not at all, the last two kept.

FOLDER/checkpoints/step-00000400/
    weights.safetensors  average.safetensors  best.safetensors  optimiser.safetensors  carry.safetensors
    state.json           steps done, losses not yet logged, the best evaluation, the generators' states
    settings.toml        configuration, task and data: another training is refused
    clock.json           seconds so far, which alone differ between two runs alike
    manifest.json        the SHA-256 of each
"""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
import torch

from .. import unfinished
from ..errors import BundleError, KeepgateError, SettingsError
from ..export import folder as folders
from ..export.bundle import parse_tensors, put_weights, tensors_bytes
from ..export.content import FOREIGN_CONTENT, plain
from ..export.parsing import parse_json, parse_toml
from ..tasks.task import Stored
from . import randomness
from .config import TrainingConfig
from .processes import Processes
from .state import TrainingState

_TENSORS = tuple(f"{name}.safetensors" for name in ("weights", "average", "best", "optimiser", "carry"))
_FILES = (*_TENSORS, "state.json", "settings.toml", "clock.json")
_NAME = re.compile(r"step-(\d{8,})")
_KEPT = 2

# These change when something is said or saved, never the weights.
_FREE = (
    *(f"training.{name}" for name in ("log_every", "evaluate_every", "checkpoint_every", "threads")),
    "torch",
)


def describe(task: Any, config: TrainingConfig, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint holds so that it is never taken up by another training, as a table that TOML can hold."""
    stored: Stored = task
    vocabulary = json.dumps(stored.vocabulary_json(), sort_keys=True).encode()
    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "training": plain(config),
        "task": {
            "kind": stored.kind,
            "vocabulary": hashlib.sha256(vocabulary).hexdigest(),
            **plain(stored.settings),
        },
        "data": dict(data),
    }


class Checkpoints:
    """The checkpoints of one training in one folder; no other training may write there at the same time.

    Without a folder nothing is saved and nothing found. Of several processes only the first reads and writes; the
    others need not see the folder, and call the same methods at the same time.
    """

    def __init__(
        self, folder: Path | None, settings: Callable[[], Mapping[str, Any]], processes: Processes
    ) -> None:
        """settings: gives what `describe` found of the training; not asked where nobody would compare it."""
        self.folder = folder / "checkpoints" if folder is not None else None
        self.processes = processes
        self.settings = settings() if folder is not None or processes.count > 1 else {}
        self._written: list[Path] = []
        self._lock: int | None = None

    def __enter__(self) -> "Checkpoints":
        """Takes the folder for this training. Raises BundleError if another has it or it cannot be written.

        Raises SettingsError if another process was given another training.
        """
        first = self.processes.from_first(lambda: _flat(self.settings))
        if differences := _differences(first, _flat(self.settings), set(_FREE), "in process 0", "here"):
            raise SettingsError(
                f"process {self.processes.rank} was given another training than process 0:\n{differences}\n"
                "start all with the same command, on the same data"
            )
        if self.folder is not None and self.processes.first:
            self._take(self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def _take(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as fault:
            raise BundleError(
                f"cannot write checkpoints in {folder}: {fault.strerror or fault}; choose another folder"
            ) from fault
        if not _locked(self._lock):
            os.close(self._lock)
            self._lock = None
            raise BundleError(
                f"another training is writing checkpoints in {folder}; wait or choose another folder"
            )
        unfinished.clear(folder)

    def newest_first(self) -> list[Path]:
        """The checkpoints in the folder, newest first, unread."""
        if self.folder is None or not self.processes.first:
            return self._written[::-1]
        names = (entry for entry in self.folder.iterdir() if _NAME.fullmatch(entry.name) and entry.is_dir())
        return sorted(names, key=_step_of, reverse=True)

    def last(self) -> str:
        """The newest checkpoint, in words for a message."""
        if self.folder is None:
            return "no folder was given, so there is no checkpoint"
        newest = self.newest_first()
        return (
            f"the last good checkpoint is {newest[0]} (step {_step_of(newest[0])})"
            if newest
            else "there is no checkpoint"
        )

    def save(self, state: TrainingState) -> Path | None:
        """Writes a checkpoint and removes all but the last two. Raises BundleError if that fails."""
        if self.folder is None:
            return None
        path = self.folder / f"step-{state.step:08d}"
        try:
            whole = dataclasses.replace(state, carry=self.processes.whole(state.carry))
            self.processes.from_first(lambda: self._write(path, whole))
        except KeepgateError:
            raise
        except (MemoryError, RuntimeError) as fault:
            # torch's own want of memory is a RuntimeError.
            reason = str(fault).strip() or "there is not enough memory"
            raise BundleError(f"cannot write the checkpoint {path}: {reason}; {self._way_on()}") from fault
        self._written.append(path)
        return path

    def _write(self, path: Path, state: TrainingState) -> None:
        try:
            folders.write(path, self._files(state), kind="checkpoint")
            for old in self.newest_first()[_KEPT:]:
                folders.remove(old, kind="checkpoint")
        except BundleError as fault:
            raise BundleError(f"{fault}; {self._way_on()}") from fault

    def _files(self, state: TrainingState) -> dict[str, bytes]:
        changing = state.counters() | {"random": randomness.state()}
        clock = {"seconds": state.seconds, "cpu_seconds": state.cpu_seconds}
        return {
            **{f"{name}.safetensors": tensors_bytes(named) for name, named in state.tensors().items()},
            "state.json": json.dumps(changing).encode(),
            "settings.toml": tomli_w.dumps(self.settings).encode(),
            "clock.json": json.dumps(clock).encode(),
        }

    def _way_on(self) -> str:
        return self.last() + ("; resume=True (--resume) goes on from it" if self.newest_first() else "")

    def restore(self, state: TrainingState, *, previous: bool = False) -> Path | None:
        """Puts `state` where the newest checkpoint left it, and says which that is; None if there is none.

        previous: if the newest one is damaged, set it aside and take the one before it.
        Raises BundleError if it is damaged, SettingsError if it belongs to a training with other settings.
        Only the first of several processes has then read it, and the others follow it.
        """
        path = self.processes.from_first(lambda: self._restore(state, previous))
        self._written += [path] if path is not None else []
        return path

    def _restore(self, state: TrainingState, previous: bool) -> Path | None:
        for path in self.newest_first():
            try:
                content = folders.read(path, _FILES, kind="checkpoint", remedy=self._remedy(path))
            except BundleError:
                if not previous or path == self.newest_first()[-1]:
                    raise
                _set_aside(path)
                continue
            try:
                self._refuse_other_settings(path, content["settings.toml"])
                self._put(state, path, content)
            except KeepgateError:
                raise
            except FOREIGN_CONTENT as fault:
                raise BundleError(
                    f"{path} is not a checkpoint that keepgate wrote: {fault!r}; {self._remedy(path)}"
                ) from fault
            return path
        return None

    def _put(self, state: TrainingState, path: Path, content: Mapping[str, bytes]) -> None:
        groups = {
            name.partition(".")[0]: parse_tensors(path / name, content[name], self._remedy(path))
            for name in _TENSORS
        }
        put_weights(state.task, groups["weights"], path, self._remedy(path))
        changing, clock = (
            parse_json(path / name, content[name], self._remedy(path))
            for name in ("state.json", "clock.json")
        )
        numbers = (changing["first_loss"], changing["best_score"], *changing["unlogged_losses"])
        if changing["step"] != _step_of(path) or not all(
            value is None or isinstance(value, float | int) for value in (*numbers, *clock.values())
        ):
            raise ValueError("state.json has another step, or something else where a number belongs")
        state.put(groups, changing)
        state.seconds, state.cpu_seconds = clock["seconds"], clock["cpu_seconds"]
        randomness.restore(changing["random"])

    def _remedy(self, path: Path) -> str:
        older = [other for other in self.newest_first() if _step_of(other) < _step_of(path)]
        if not older:
            return f"there is no checkpoint before it: remove {path.parent} and train again"
        return (
            f"the one before it, step {_step_of(older[0])}, may be whole: "
            f'resume="previous" (--resume-previous) goes on there and keeps this one as damaged-{path.name}'
        )

    def _refuse_other_settings(self, path: Path, content: bytes) -> None:
        stored = _flat(parse_toml(path / "settings.toml", content, self._remedy(path)))
        current = _flat(self.settings)
        # Which weights are the best depends on when they are measured.
        free = set(_FREE) - ({"training.evaluate_every"} if current.get("training.keep") == "best" else set())
        if differences := _differences(stored, current, free, "in the checkpoint", "now"):
            raise SettingsError(
                f"{path} belongs to a training with other settings:\n{differences}\n"
                "give the settings of the checkpoint to go on, or another folder to train anew"
            )


def _differences(
    own: Mapping[str, Any], other: Mapping[str, Any], free: set[str], where: str, here: str
) -> str:
    """A line for each value in which two flat descriptions of a training differ, but for those that are free to."""
    return "\n".join(
        f"  {name}: {_shown(own, name)} {where}, {_shown(other, name)} {here}"
        for name in sorted((own.keys() | other.keys()) - free)
        if own.get(name) != other.get(name)
    )


def _step_of(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def _set_aside(path: Path) -> None:
    """Gives a damaged checkpoint a name of its own; an older one of that name goes."""
    aside = path.with_name(f"damaged-{path.name}")
    if aside.exists():
        folders.remove(aside, kind="checkpoint")
    try:
        path.rename(aside)
    except OSError as fault:
        raise BundleError(f"cannot rename {path} to {aside.name}: {fault.strerror or fault}") from fault


def _locked(handle: int) -> bool:
    """Whether this process now holds the lock; it falls with the process, however that ends."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one, with dots in the names."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _shown(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "not given"
