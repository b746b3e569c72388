"""Options: what every `keepgate train NAME` can be told, whatever its task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

WHAT = Group("What is trained", sort_key=2)
_HOW_LONG = Group("How long, and how fast", sort_key=3)
_SEARCH = Group("Which settings are best", sort_key=4)
# From files and a folder for what is too large to be read whole (`TaskKind.spills`) to a corpus.
Reads = Callable[[Sequence[Path], Path | None], Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of every training."""

    out: Annotated[Path, Parameter(metavar="MODEL", help="The folder that the model is written to.")]
    dev: Annotated[
        tuple[Path, ...],
        Parameter(metavar="DATA", help="Other data, to measure it on; the best weights are kept."),
    ] = ()
    settings: Annotated[
        Path | None,
        Parameter(group=WHAT, metavar="FILE", help="Settings as TOML, a line NAME = VALUE for each."),
    ] = None
    set_: Annotated[
        tuple[str, ...],
        Parameter(
            "--set",
            group=WHAT,
            metavar="NAME=VALUE",
            help="Any setting, before --settings; a wrong name lists them.",
        ),
    ] = ()
    cell: Annotated[
        str | None,
        Parameter(
            group=WHAT,
            metavar="NAME",
            help="Of the layers, as --set cell=NAME; FILE.NAME is your own, in a file of KEEPGATE_CELL_FILES.",
        ),
    ] = None
    vectors: Annotated[
        Path | None,
        Parameter(
            group=WHAT,
            metavar="FILE",
            help="Vectors of words to begin with (text of word2vec, GloVe or fastText).",
        ),
    ] = None
    seed: Annotated[int, Parameter(group=WHAT, show_default=True, help="Decides every random choice.")] = 0
    epochs: Annotated[int | None, Parameter(group=_HOW_LONG, help="How often each example is read.")] = None
    steps: Annotated[int | None, Parameter(group=_HOW_LONG, help="Batches, instead of epochs.")] = None
    batch_size: Annotated[int | None, Parameter(group=_HOW_LONG, help="Examples in a batch.")] = None
    learning_rate: Annotated[float | None, Parameter(group=_HOW_LONG, help="The highest step size.")] = None
    threads: Annotated[int | None, Parameter(group=_HOW_LONG, help="Processor threads.")] = None
    device: Annotated[
        str, Parameter(group=_HOW_LONG, show_default=True, help='Where: "cpu", or an accelerator ("cuda").')
    ] = "cpu"
    tensorboard: Annotated[
        Path | None, Parameter(group=_HOW_LONG, metavar="FOLDER", help="How it goes, for TensorBoard.")
    ] = None
    resume: Annotated[bool, Parameter(group=_HOW_LONG, help="Go on with a training that was stopped.")] = (
        False
    )
    resume_previous: Annotated[
        bool, Parameter(group=_HOW_LONG, help="Go on from the checkpoint before the last one.")
    ] = False
    tune: Annotated[
        int | None,
        Parameter(
            group=_SEARCH, metavar="N", help="Train N times with other settings; --dev says which are best."
        ),
    ] = None
    space: Annotated[
        Path | None,
        Parameter(
            group=_SEARCH,
            metavar="FILE",
            help="What --tune tries, as TOML: NAME = [VALUES], or low and high.",
        ),
    ] = None
    jobs: Annotated[
        int | None, Parameter(group=_SEARCH, help="Trainings of --tune side by side, if not one a processor.")
    ] = None

    @property
    def pairs(self) -> tuple[str, ...]:
        """Every NAME=VALUE, the cell's first."""
        return self.set_ if self.cell is None else (f"cell={self.cell}", *self.set_)

    @property
    def work(self) -> Path:
        """The folder of the checkpoints, beside the model's."""
        return self.out.with_name(f"{self.out.name}.training")

    @property
    def tokens(self) -> Path:
        """Where a stream goes that is too large to be read whole."""
        return self.work / "tokens"

    @property
    def resuming(self) -> bool | Literal["previous"]:
        """As `train.fit` takes it."""
        return "previous" if self.resume_previous else self.resume

    def config(self) -> dict[str, Any]:
        """The options that are fields of TrainingConfig; None for one that was not given."""
        names = ("epochs", "steps", "batch_size", "learning_rate", "threads", "seed")
        return {name: getattr(self, name) for name in names}
