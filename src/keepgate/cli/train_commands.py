"""`keepgate train NAME`: a command for each train.toml that stands beside a task, read without loading torch."""

import inspect
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from ..errors import SettingsError
from .train import Score, train
from .train_options import WHAT, Options

if TYPE_CHECKING:
    from ..tasks import TaskKind


@dataclass(frozen=True, kw_only=True)
class TrainCommand:
    """One command `keepgate train NAME`, with the fields of its train.toml.

    kinds: the tasks that it trains, by the kind that files name; of several, the first that suits the data.
    help, epilogue: above and below the options. data, kind_help, columns: the help of each parameter.
    space: what --tune tries, for each kind (`search_space.space_from`).
    """

    name: str
    place: int
    kinds: Sequence[str]
    data: str
    help: str
    epilogue: str
    kind_help: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def function(self) -> Callable[..., None]:
        """The function of the command, whose signature has a parameter for each option."""

        def run(*positional: Any, options: Options, kind: str = "auto", **columns: str | None) -> None:
            (data,) = positional
            if options.tune is not None:
                from .trials import Job
                from .tune import tune

                tune(Job(command=self, data=data, options=options, kind=kind, columns=columns))
                return
            for name in ("space", "jobs"):
                if getattr(options, name) is not None:
                    raise SettingsError(f"--{name} is for --tune; give --tune N with it, or leave it out")
            self.train(data, options, kind, columns)

        # cyclopts prefers the annotations, where there are any.
        run.__annotations__, run.__doc__ = {}, self.help
        run.__signature__ = inspect.Signature(self._parameters())  # type: ignore[attr-defined]
        return run

    def train(
        self, data: Sequence[Path], options: Options, kind: str, columns: Mapping[str, str | None]
    ) -> Score | None:
        """One training. kind: "auto", or one of several. Raises as `train.train`."""
        return train(
            data,
            options,
            read=lambda paths, folder: self.read(paths, columns, folder),
            detect=lambda corpus: self.detect(corpus, kind),
        )

    def read(self, paths: Sequence[Path], columns: Mapping[str, str | None], folder: Path | None) -> Any:
        """The corpus in these files. folder: as `TaskKind.spills` says; None holds all of them."""
        from ..tasks import KINDS

        kind = KINDS[self.kinds[0]]
        return kind.read(paths, **columns, **({"folder": folder} if kind.spills else {}))

    def detect(self, corpus: Any, kind: str) -> "tuple[TaskKind, str]":
        """The kind of task for a corpus, and the reason in words."""
        from ..tasks import KINDS

        return detect_task([KINDS[name] for name in self.kinds], corpus, kind)

    def _parameters(self) -> list[inspect.Parameter]:
        keyword = inspect.Parameter.KEYWORD_ONLY
        options = [
            inspect.Parameter(
                name,
                keyword,
                default=None,
                annotation=Annotated[str | None, Parameter(group=WHAT, metavar="NAME", help=text)],
            )
            for name, text in self.columns.items()
        ]
        if len(self.kinds) > 1:
            names = ("auto", *(kind.partition("-")[0] for kind in reversed(self.kinds)))
            parameter = Parameter(group=WHAT, show_default=True, help=self.kind_help)
            options.append(
                inspect.Parameter(
                    "kind", keyword, default="auto", annotation=Annotated[Literal[names], parameter]
                )
            )
        return [
            inspect.Parameter(
                "data",
                inspect.Parameter.POSITIONAL_ONLY,
                annotation=Annotated[list[Path], Parameter(help=self.data)],
            ),
            *options,
            inspect.Parameter("options", keyword, annotation=Annotated[Options, Parameter(name="*")]),
        ]


def train_commands() -> list[TrainCommand]:
    """The commands, in the order in which the help lists them."""
    folders = (folder / "train.toml" for folder in (files("keepgate") / "tasks").iterdir())
    texts = [path.read_text(encoding="utf-8") for path in folders if path.is_file()]
    return sorted((TrainCommand(**tomllib.loads(text)) for text in texts), key=lambda command: command.place)


def detect_task(kinds: "Sequence[TaskKind]", corpus: Any, name: str = "auto") -> "tuple[TaskKind, str]":
    """The first kind that suits a corpus, or the one that was asked for, with the reason in words.

    The reason is "" where there is one kind only. Raises SettingsError if none suits it.
    """
    if len(kinds) == 1:
        return kinds[0], ""
    if name != "auto":
        (kind,) = (kind for kind in kinds if kind.option == name)
        return kind, f"Training a {kind.title}, as --kind says."
    reasons = []
    for kind in kinds:
        suits, reason = kind.suits(corpus)
        if suits and not reason:
            return kind, ""
        if suits:
            alternatives = "; ".join(
                f"--kind {other.option}: one that {other.does}" for other in kinds if other is not kind
            )
            sentence = f"{reason[:1].upper()}{reason[1:]}"
            return kind, f"{sentence}: training a {kind.title}, which {kind.does}. ({alternatives}.)"
        reasons.append(reason)
    names = " or ".join(f"--kind {kind.option}" for kind in kinds)
    raise SettingsError(f"{', and '.join(reasons)}; {names} trains one all the same")
