"""How a network is trained: the frozen dataclass that is the schema of a run and of the command's options."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import SettingsError
from ..tasks.settings import check

Schedule = Literal["constant-linear", "cosine", "constant"]
Optimiser = Literal["adam", "adamw"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training, all but the task and its data. The defaults are the recipe of the stories.

    steps, epochs: how long; one of them with a list of examples, neither with stages, which say it.
    batch_size: examples in a batch; stages make batches of a size of their own.
    learning_rate: the highest rate. `warmup` steps lead up to it; it stays until `flat` of all steps and
        then falls to `floor` of itself, as a line ("constant-linear") or half a cosine ("cosine"), or never
        ("constant").
    betas, weight_decay: of Adam; "adamw" decays matrices only, "adam" takes no decay.
    clip: the greatest norm of all gradients together; None leaves them.
    average: decay a step of the moving average of the weights, which is then what is evaluated and kept;
        None: none.
    crop_until: share of the steps during which a task that can crop its examples does; an epoch that starts
        later sees them whole.
    seed: decides order, dropout and crops; two runs alike in settings, task and data end with the same bytes.
    autocast: "bfloat16" multiplies matrices in it where torch finds that safe.
    log_every, evaluate_every, checkpoint_every: steps; None evaluates only at the end. The weights do not
        depend on them.
    threads: processor threads; None leaves torch's number.
    Raises SettingsError for a value that makes no sense, alone or beside another.
    """

    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: Schedule = "constant-linear"
    warmup: int = 0
    flat: float = 0.6
    floor: float = 0.0
    optimiser: Optimiser = "adam"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    clip: float | None = 1.0
    average: float | None = None
    crop_until: float = 1.0
    seed: int = 0
    autocast: Literal["bfloat16"] | None = None
    log_every: int = 50
    evaluate_every: int | None = None
    checkpoint_every: int = 200
    threads: int | None = None

    def __post_init__(self) -> None:
        check(self)
        for name in (
            "steps",
            "epochs",
            "batch_size",
            "log_every",
            "evaluate_every",
            "checkpoint_every",
            "threads",
        ):
            self._refuse(name, lambda value: value >= 1, "1 or more")
        for name in ("warmup", "weight_decay", "seed"):
            self._refuse(name, lambda value: value >= 0, "0 or more")
        for name in ("learning_rate", "clip"):
            self._refuse(name, lambda value: value > 0, "above 0")
        for name in ("flat", "floor", "crop_until"):
            self._refuse(name, lambda value: 0 <= value <= 1, "0 to 1")
        self._refuse("average", lambda value: 0 <= value < 1, "0 or more and below 1")
        self._refuse("betas", lambda pair: all(0 <= beta < 1 for beta in pair), "0 or more and below 1")
        if self.steps is not None and self.epochs is not None:
            raise SettingsError(f"steps is {self.steps} and epochs is {self.epochs}; give one of them")
        if self.weight_decay and self.optimiser == "adam":
            raise SettingsError(
                f'weight_decay is {self.weight_decay}, and "adam" takes none; use optimiser="adamw"'
            )

    def _refuse(self, name: str, fits: Callable[[Any], bool], wanted: str) -> None:
        value = getattr(self, name)
        if value is not None and not fits(value):
            raise SettingsError(f"{name} is {value}; it must be {wanted}")
