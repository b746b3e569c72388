"""`keepgate train FILE` without a task: which commands read the file, as a question."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import KeepgateError
from .train_commands import train_commands


def question_about(path: Path) -> str:
    """Which of the commands that read this file is meant, with each of them; or that none does.

    A file fits a command if the command's own reader takes something from it.
    """
    fitting = [*_fitting(path)]
    if not fitting:
        return (
            f"{path} is read by no training command as it is; `keepgate train COMMAND --help` says what each reads: "
            f"{', '.join(command.name for command in train_commands())}"
        )
    lines = [f"  keepgate train {name} {path} --out MODEL   ({account})" for name, account in fitting]
    several = "fits several tasks; say which is meant" if len(fitting) > 1 else "fits one task; name it"
    return "\n".join([f"{path} {several}:", *lines])


def _fitting(path: Path) -> Iterator[tuple[str, str]]:
    """The name of each command that reads the file, and what it reads in it."""
    from ..tasks import KINDS

    for command in train_commands():
        try:
            corpus = KINDS[command.kinds[0]].read([path])
        except KeepgateError:
            continue
        yield command.name, corpus.account(0).partition("\n")[0]
