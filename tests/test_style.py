"""What STYLE.md promises of the source and no linter looks at: local names, the length of functions and files."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "keepgate"
FILES = sorted(path for path in SOURCE.rglob("*.py"))

# Words that say nothing of what a variable holds.
NOT_NAMES = {
    *("been", "done", "found", "given", "kept", "known", "one", "said", "seen", "taken", "told", "wanted"),
}  # fmt: skip
# These neither, but for three lines any other name will do.
SHORT_NAMES = {
    *("asked", "begun", "both", "called", "changed", "chosen", "cut", "drawn", "dropped", "ended", "everything"),
    *("held", "joined", "lost", "made", "moved", "named", "needed", "none", "nothing", "other", "others", "ours"),
    *("own", "read", "removed", "same", "shown", "skipped", "spent", "tried", "used", "what", "which", "whose"),
    "written",
}  # fmt: skip

# Without signature and docstring. A straight list of steps reads better in one piece than in two.
LONGEST = 40
STRAIGHT = {
    "_train": "the training loop, read from top to bottom",
    "emit_operator": "one ONNX node, its inputs in order",
    "explain_model": "the stations of one explanation, each a call",
    "fit": "what a training opens, in order, and closes",
    "row_of_model": "the forms that inputs come in",
}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def vague_names(tree: ast.AST) -> list[str]:
    vague = []
    for function in functions(tree):
        lines: dict[str, list[int]] = {}
        stored = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in NOT_NAMES | SHORT_NAMES:
                lines.setdefault(node.id, []).append(node.lineno)
                stored |= {node.id} if isinstance(node.ctx, ast.Store) else set()
        vague += [
            f"{function.name}: {name}"
            for name in stored
            if name in NOT_NAMES or max(lines[name]) - min(lines[name]) > 3
        ]
    return vague


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_keeps_to_the_style(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert vague_names(tree) == []
    long = {function.name: body_lines(function) for function in functions(tree)}
    assert {name for name, lines in long.items() if lines > LONGEST} <= set(STRAIGHT)
    assert len(text.splitlines()) <= 400


def test_the_rules_see_what_they_are_for():
    short = "def f():\n    both = 1\n    return both\n"
    assert vague_names(ast.parse(short)) == []
    assert vague_names(ast.parse(short.replace("both", "found"))) == ["f: found"]
    long = short.replace("return", "a = 2\n    b = 3\n    c = 4\n    return")
    assert vague_names(ast.parse(f"async {long}")) == ["f: both"]
    assert [body_lines(function) for function in functions(ast.parse(long))] == [5]


def test_every_long_function_is_still_long():
    lines = {
        function.name: body_lines(function)
        for path in FILES
        for function in functions(ast.parse(path.read_text()))
    }
    assert all(lines[name] > LONGEST for name in STRAIGHT)
