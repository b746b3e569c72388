"""python -m keepgate.emit: writes the C++ of every cell, or says which files are stale."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .cpp import GENERATED, files

EPILOGUE = """examples:
  python -m keepgate.emit           after a change of a cell: write csrc/cells/*.h
  python -m keepgate.emit --check   what the tests and the lint run: exit 1, and name what is stale"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the generated files; 0 if all are fresh now, 1 if --check found some that are not."""
    parser = argparse.ArgumentParser(
        prog="python -m keepgate.emit",
        description="Write the C++ of every cell, one file each, from the cells' equations.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; name the stale files and exit 1")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where the files are (default: csrc/cells of this checkout)"
    )
    options = parser.parse_args(arguments)
    folder = options.out or _folder_of_this_checkout()
    if folder is None:
        parser.error(
            f"{Path(__file__).parent} is not in a checkout of keepgate, so there is no csrc beside it; "
            "run this in a checkout (git clone, then pip install -e .), or say where to write: --out DIR"
        )
    stale = _stale(folder)
    if options.check:
        for name, why in stale.items():
            print(f"{folder / name} {why}; run: python -m keepgate.emit", file=sys.stderr)
        return 1 if stale else 0
    _write(folder, stale)
    print(f"{folder}: {', '.join(stale)} written" if stale else f"{folder}: all fresh")
    return 0


def _folder_of_this_checkout() -> Path | None:
    root = Path(__file__).parents[3]
    there = (root / "pyproject.toml").is_file() and (root / "src" / "keepgate" / "emit").is_dir()
    return root / "csrc" / "cells" if there else None


def _stale(folder: Path) -> dict[str, str]:
    """What is not as it would be written, by file name, and why."""
    texts = files()
    present = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.h"))}
    stale = {name: "is missing" for name in texts if name not in present}
    stale |= {name: "is stale" for name in texts if name in present and present[name] != texts[name]}
    # A file that was written for a cell which is no more; whatever somebody else put there is not ours to judge.
    stale |= {
        n: "is no cell's" for n, text in present.items() if n not in texts and text.startswith(GENERATED)
    }
    return stale


def _write(folder: Path, stale: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    texts = files()
    for name in stale:
        if name in texts:
            (folder / name).write_text(texts[name], encoding="utf-8")
        else:
            (folder / name).unlink()


if __name__ == "__main__":
    sys.exit(main())
