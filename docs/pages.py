"""A page's Python, run from top to bottom, and what each of its blocks prints, which stands in the block below."""

import contextlib
import io
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PYTHON = re.compile(r"^```python\n(.*?)^```$(\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of Python, and what the page says that it prints; None if the page does not say."""

    code: str
    shown: str | None


def blocks(text: str) -> list[Block]:
    """The page's blocks of Python, in order."""
    return [Block(code=found[1], shown=found[3]) for found in _PYTHON.finditer(text)]


def run(text: str) -> tuple[dict[str, Any], list[str]]:
    """The names that the page's Python leaves behind, and what each block prints. Its files are thrown away."""
    names: dict[str, Any] = {"__name__": "page"}
    printed = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in blocks(text):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.code, "page", "exec"), names)
            printed.append(out.getvalue())
    return names, printed


def filled(text: str, printed: list[str]) -> str:
    """The page with what its blocks print, where it shows that at all."""
    outputs = iter(printed)

    def fill(found: re.Match[str]) -> str:
        output = next(outputs)
        return found[0] if found[3] is None else f"```python\n{found[1]}```\n\n```text\n{output}```"

    return _PYTHON.sub(fill, text)


def run_page(page: Path, *, write: bool) -> tuple[dict[str, Any], bool]:
    """The names that a page's Python leaves behind, and whether the page showed what was printed; `write` mends it."""
    before = page.read_text(encoding="utf-8")
    names, printed = run(before)
    after = filled(before, printed)
    if write and after != before:
        page.write_text(after, encoding="utf-8")
    return names, after == before
