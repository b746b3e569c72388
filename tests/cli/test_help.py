"""The help teaches: an example for each command, in 80 columns, at once."""

import re
import subprocess
import sys

import pytest
from rich.cells import cell_len

import keepgate as package
from keepgate.cli import (
    app,
    ask,
    compare,
    evaluate,
    examine,
    explain,
    export,
    look,
    predict,
    serve,
    tag,
    train,
)
from keepgate.cli.train_commands import train_commands

COMMANDS = [
    "compare",
    "train reader",
    "train classifier",
    "train tagger",
    "predict",
    "tag",
    "ask",
    "look",
    "serve",
    "evaluate",
    "examine",
    "export",
    "explain",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_to_paste(command: str, keepgate) -> None:
    ran = keepgate(*command.split(), "--help")
    assert ran.code == 0
    assert ran.err == ""
    assert f"Usage: keepgate {command}" in ran.out
    assert re.search(rf"^  keepgate {command}\b", ran.out, re.MULTILINE)


@pytest.mark.parametrize("command", ["", "train", *COMMANDS])
def test_no_line_of_the_help_is_wider_than_eighty_columns(command: str, keepgate) -> None:
    ran = keepgate(*command.split(), "--help")
    assert max(cell_len(line) for line in ran.out.splitlines()) <= 80


EPILOGUES = [
    module.EPILOGUE
    for module in (app, compare, train, ask, look, serve, evaluate, examine, explain, export, predict, tag)
]


@pytest.mark.parametrize("epilogue", [*EPILOGUES, *(command.epilogue for command in train_commands())])
def test_no_example_is_broken_by_eighty_columns(epilogue: str) -> None:
    examples = [line for line in epilogue.splitlines() if line.startswith("  ")]
    assert examples
    assert max(map(len, examples)) <= 80


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_the_help_lists_the_commands_in_the_order_of_their_use(arguments: tuple[str, ...], keepgate) -> None:
    ran = keepgate(*arguments)
    assert ran.code == 0
    names = [
        "compare",
        "train",
        "ask",
        "predict",
        "look",
        "serve",
        "evaluate",
        "examine",
        "export",
        "explain",
    ]
    assert re.findall(rf"^│ ({'|'.join(names)}) ", ran.out, re.MULTILINE) == names


def test_the_version_is_the_package_s(keepgate) -> None:
    assert keepgate("--version").out == f"keepgate {package.__version__}\n"


def test_help_and_version_do_not_wait_for_torch() -> None:
    program = (
        "import sys; from keepgate.cli.__main__ import main; "
        "main(['--help']); main(['train', 'reader', '--help']); main(['--version']); main(['ask']); "
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0


def test_the_help_of_look_names_every_figure(keepgate) -> None:
    from keepgate.lens.report import figures

    shown = " ".join(keepgate("look", "--help").out.replace("│", " ").split())
    named = re.search(r"\.svg, \.png or \.pdf: ([a-z_, ]+);", shown)
    assert named is not None
    assert set(named[1].split(", ")) == set(figures.DRAWINGS)
