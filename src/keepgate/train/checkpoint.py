"""Checkpoints: all that a training needs to go on exactly, written whole or not at all, the last two kept.

FOLDER/checkpoints/step-00000400/
    weights.safetensors  average.safetensors  best.safetensors  optimiser.safetensors  carry.safetensors
    state.json           steps done, losses not yet logged, the best evaluation, the generators' states
    settings.toml        configuration, task and data: another training is refused
    clock.json           seconds so far, which alone differ between two runs alike
    manifest.json        the SHA-256 of each
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w
import torch
from torch import Tensor

from ..errors import BundleError, KeepgateError, SettingsError
from ..export import folder as folders
from ..export.bundle import FOREIGN_CONTENT, plain, put_weights, tensors_bytes
from ..export.parsing import parse_json, parse_tensors, parse_toml
from ..tasks.task import Carry, Stored, Trainable
from . import randomness
from .config import TrainingConfig
from .optimiser import WeightAverage, build_optimiser

_TENSORS = tuple(f"{name}.safetensors" for name in ("weights", "average", "best", "optimiser", "carry"))
_FILES = (*_TENSORS, "state.json", "settings.toml", "clock.json")
_CHANGING = ("step", "unlogged_losses", "first_loss", "best_score")
_NAME = re.compile(r"step-(\d{8,})")
_KEPT = 2

# These change when something is said or saved, never the weights.
_FREE = (
    *(f"training.{name}" for name in ("log_every", "evaluate_every", "checkpoint_every", "threads")),
    "torch",
)


@dataclass
class TrainingState:
    """Task, optimiser, averages and counters of a training: all that changes, and so what a checkpoint holds.

    carry: recurrent states after the last batch, for a stream. first_loss: before the first step, in nats.
    best, best_score: weights and value of the evaluation with the best first metric, the last of equals; the higher the
        better.
    """

    task: Trainable
    optimiser: torch.optim.Optimizer
    average: WeightAverage | None
    step: int = 0
    unlogged_losses: list[float] = field(default_factory=list)
    first_loss: float | None = None
    carry: Carry | None = None
    best: dict[str, Tensor] = field(default_factory=dict)
    best_score: float | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def start(cls, task: Trainable, config: TrainingConfig) -> "TrainingState":
        """The state before the first step."""
        decay = config.ema_decay
        average = WeightAverage(task.state_dict(), decay) if decay is not None else None
        return cls(task, build_optimiser(config, task.parameters()), average)

    def take_average(self) -> None:
        """Gives the task the averaged weights, where there is an average."""
        if self.average is not None:
            self.task.load_state_dict(self.average.weights)

    def note_best(self, metrics: Mapping[str, float], *, higher_is_better: bool) -> None:
        """Keeps a copy of the task's weights if the first metric is as good as at any evaluation before, and finite."""
        score = float(next(iter(metrics.values()), math.nan)) * (1 if higher_is_better else -1)
        if math.isfinite(score) and (self.best_score is None or score >= self.best_score):
            self.best_score = score
            self.best = {name: tensor.clone() for name, tensor in self.task.state_dict().items()}

    def finish(self, config: TrainingConfig) -> None:
        """Gives the task the weights to keep, and puts it into evaluation mode."""
        self.take_average()
        if config.keep == "best" and self.best:
            self.task.load_state_dict(self.best)
        self.task.eval()


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
    """The checkpoints of one training in one folder; no other process may write there at the same time.

    Without a folder nothing is saved and nothing found.
    """

    def __init__(self, folder: Path | None, settings: Callable[[], Mapping[str, Any]]) -> None:
        """settings: gives what `describe` found of the training; not asked without a folder."""
        self.folder = folder / "checkpoints" if folder is not None else None
        self.settings = settings() if folder is not None else {}
        self._lock: int | None = None

    def __enter__(self) -> "Checkpoints":
        """Takes the folder for this process. Raises BundleError if another has it or it cannot be written."""
        if self.folder is None:
            return self
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as fault:
            raise BundleError(
                f"cannot write checkpoints in {self.folder}: {fault.strerror or fault}; choose another folder"
            ) from fault
        if not _locked(self._lock):
            os.close(self._lock)
            raise BundleError(
                f"another training is writing checkpoints in {self.folder}; wait or choose another folder"
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def newest_first(self) -> list[Path]:
        """The checkpoints in the folder, newest first, unread."""
        if self.folder is None:
            return []
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
        tensors = {
            "weights": state.task.state_dict(),
            "average": state.average.weights if state.average else {},
            "best": state.best,
            "optimiser": dict(_optimiser_tensors(state)),
            "carry": {str(number): tensor for number, tensor in enumerate(state.carry or ())},
        }
        changing = {name: getattr(state, name) for name in _CHANGING} | {"random": randomness.state()}
        clock = {"seconds": state.seconds, "cpu_seconds": state.cpu_seconds}
        files = {
            **{f"{name}.safetensors": tensors_bytes(named) for name, named in tensors.items()},
            "state.json": json.dumps(changing).encode(),
            "settings.toml": tomli_w.dumps(self.settings).encode(),
            "clock.json": json.dumps(clock).encode(),
        }
        try:
            folders.write(path, files, kind="checkpoint")
        except BundleError as fault:
            later = "; resume=True (--resume) goes on from it" if self.newest_first() else ""
            raise BundleError(f"{fault}; {self.last()}{later}") from fault
        for old in self.newest_first()[_KEPT:]:
            folders.remove(old)
        return path

    def restore(self, state: TrainingState, *, previous: bool = False) -> Path | None:
        """Puts `state` where the newest checkpoint left it, and says which that is; None if there is none.

        previous: if the newest one is damaged, set it aside and take the one before it.
        Raises BundleError if it is damaged, SettingsError if it belongs to a training with other settings.
        """
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
        weights, average, state.best, optimiser, carry = (
            parse_tensors(path / name, content[name], self._remedy(path)) for name in _TENSORS
        )
        put_weights(state.task, weights, path, self._remedy(path))
        if state.average:
            for name, tensor in state.average.weights.items():
                tensor.copy_(average[name])
        _put_optimiser(state, optimiser)
        changing, clock = (
            parse_json(path / name, content[name], self._remedy(path))
            for name in ("state.json", "clock.json")
        )
        numbers = (changing["first_loss"], changing["best_score"], *changing["unlogged_losses"])
        if changing["step"] != _step_of(path) or not all(
            value is None or isinstance(value, float | int) for value in (*numbers, *clock.values())
        ):
            raise ValueError("state.json has another step, or something else where a number belongs")
        state.carry = tuple(carry[str(number)] for number in range(len(carry))) or None
        for name in _CHANGING:
            setattr(state, name, changing[name])
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
        names = sorted((stored.keys() | current.keys()) - free)
        differences = [
            f"  {name}: {_shown(stored, name)} in the checkpoint, {_shown(current, name)} now"
            for name in names
            if stored.get(name) != current.get(name)
        ]
        if differences:
            raise SettingsError(
                f"{path} belongs to a training with other settings:\n" + "\n".join(differences) + "\n"
                "give the settings of the checkpoint to go on, or another folder to train anew"
            )


def _step_of(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else -1


def _set_aside(path: Path) -> None:
    """Gives a damaged checkpoint a name of its own; an older one of that name goes."""
    aside = path.with_name(f"damaged-{path.name}")
    if aside.exists():
        folders.remove(aside)
    path.rename(aside)


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


def _optimiser_tensors(state: TrainingState) -> Iterator[tuple[str, Tensor]]:
    """What the optimiser keeps of each parameter, named by kind and parameter: "exp_avg/encoder.weight"."""
    for name, parameter in state.task.named_parameters():
        for kind, value in state.optimiser.state.get(parameter, {}).items():
            yield f"{kind}/{name}", value


def _put_optimiser(state: TrainingState, tensors: Mapping[str, Tensor]) -> None:
    parameters = dict(state.task.named_parameters())
    state.optimiser.state.clear()
    for name, tensor in tensors.items():
        kind, _, parameter = name.partition("/")
        target = parameters[parameter]
        state.optimiser.state[target][kind] = tensor.to(target.device)


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
