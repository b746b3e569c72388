"""The commands, their order in the help, and what the help teaches."""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

from cyclopts import App, Group, Parameter, UnknownCommandError

from .. import __version__
from ..errors import CorpusError, SettingsError
from . import (
    ask,
    compare,
    evaluate,
    examine,
    explain,
    export,
    forecast,
    formal,
    look,
    predict,
    quantize,
    serve,
    site,
    tag,
    train,
    write,
)
from .console import make_console
from .fitting_tasks import question_about
from .train_commands import train_commands

_WHAT = "Recurrent networks whose memory you can see: train them, ask them, look at their gates."
EPILOGUE = """Start here:

  keepgate compare
  keepgate train reader train.jsonl --out my-model
  keepgate ask my-model --text notes.txt --question "Who sails?"
  keepgate look my-model --text notes.txt --question "Who sails?"
  keepgate train classifier reviews.csv --out my-classifier
  keepgate predict my-classifier new-reviews.txt
  keepgate write my-language-model --prompt "ROMEO:"
  keepgate train forecaster power.csv --out my-forecaster
  keepgate forecast my-forecaster power.csv
  keepgate serve

`keepgate COMMAND --help` has examples for each. Results go to standard output, all else to standard error; the exit
code is 0, or 2 for wrong use, 3 for a broken file, 4 when a training stopped itself, 5 for a measurement
below what was demanded, 130 for Ctrl-C."""

# In the order of their use, after compare and train.
_COMMANDS = (
    (ask, "ask MODEL --text FILE [OPTIONS]"),
    (predict, "predict MODEL FILE [OPTIONS]"),
    (tag, "tag MODEL FILE [OPTIONS]"),
    (forecast, "forecast MODEL FILE [OPTIONS]"),
    (write, "write MODEL (--prompt TEXT | --prompts FILE) [OPTIONS]"),
    (look, "look MODEL --text FILE [--question QUESTION] [OPTIONS]"),
    (serve, "serve [MODEL...] [OPTIONS]"),
    (site, "site DIR"),
    (evaluate, "evaluate MODEL DATA... [OPTIONS]"),
    (examine, "examine MODEL --data FILE [OPTIONS]"),
    (export, "export MODEL [--onnx FILE] [--c DIR] [--fixed-bytes]"),
    (quantize, "quantize MODEL OUT [OPTIONS]"),
    (explain, "explain [OPTIONS]"),
    (formal, "formal [LANGUAGE...] [OPTIONS]"),
)


def run(arguments: Sequence[str]) -> None:
    """Runs one command line. Raises what the command raises, and cyclopts' errors for wrong use.

    Raises SettingsError for `train FILE` without a task: it asks which of those that read the file is meant. Raises
    CorpusError where there is no such file.
    """
    try:
        build()(arguments, exit_on_error=False, print_error=False, result_action="return_none")
    except UnknownCommandError as error:
        if list(error.command_chain or ()) == ["train"] and error.unused_tokens:
            path = Path(error.unused_tokens[0])
            if path.is_file():
                raise SettingsError(question_about(path)) from error
            if path.suffix or len(path.parts) > 1:
                raise CorpusError(_no_file(path)) from error
        raise


def _no_file(path: Path) -> str:
    """What is wrong with a path that is no file where the name of a training command belongs."""
    is_folder = "is a folder; name the files in it" if path.is_dir() else "does not exist"
    names = ", ".join(command.name for command in train_commands())
    return f"{path} {is_folder}; before the files stands what is trained: `keepgate train COMMAND FILE`, of {names}"


def build() -> App:
    """The whole program, ready to be called with the words of a command line."""
    app = App(
        name="keepgate",
        help=_WHAT,
        help_epilogue=_flowing(EPILOGUE),
        help_format="plaintext",
        version=f"keepgate {__version__}",
        console=make_console(),
        default_parameter=Parameter(negative=(), show_default=False),
        group_arguments=Group("What it is about", sort_key=0),
        group_parameters=Group("Options", sort_key=1),
        # Ctrl-C is answered in one place, __main__.
        suppress_keyboard_interrupt=False,
    )
    _add(app, compare.compare, compare.EPILOGUE, "compare [OPTIONS]", place=1)
    app.command(_training())
    for place, (module, usage) in enumerate(_COMMANDS, 3):
        command = getattr(module, module.__name__.rpartition(".")[2])
        _add(app, command, module.EPILOGUE, usage, place=place)
    return app


def _training() -> App:
    """`keepgate train`, with a command for each train.toml of a task."""
    epilogue = _flowing(train.EPILOGUE)
    training = App(name="train", help="Train a model on your own data.", help_epilogue=epilogue, sort_key=2)
    for command in train_commands():
        usage = f"train {command.name} DATA... --out MODEL [OPTIONS]"
        function = command.function()
        _add(training, function, command.epilogue, usage, place=command.place, name=command.name)
    return training


def _add(
    app: App, function: Callable[..., None], epilogue: str, usage: str, *, place: int, name: str | None = None
) -> None:
    app.command(
        function,
        name=name,
        help=_flowing(inspect.getdoc(function) or ""),
        help_epilogue=_flowing(epilogue),
        usage=f"Usage: keepgate {usage}",
        sort_key=place,
    )


def _flowing(text: str) -> str:
    """Each paragraph on one line, for the terminal to wrap at its own width; indented lines stay as they are."""
    paragraphs = text.split("\n\n")
    return "\n\n".join(part if part.startswith(" ") else " ".join(part.split("\n")) for part in paragraphs)
