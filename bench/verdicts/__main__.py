"""Judges the lens's verdict on a hundred models whose situation is planted, and follows its advice.

    python -m bench.verdicts [WORD …] [--advice] [--seed 0] [--out FILE] [--followed FILE …]

A verdict is right if it names what was planted (or what is also so of the model), honest if it says that the numbers do
not tell, wrong otherwise. Right are also "train longer" of a model that forgets, where that helps, and "nothing is
wrong" of a model that learnt its problem in spite of the fault (one of few rows: that answers new ones at most 0.1
below them). With --advice each case whose verdict gives advice is trained from three seeds, whatever --seed is, as it
was and as advised; the advice helps if the mean score on new rows rises. --followed trains nothing where an earlier run
gave the same advice to the same case, and takes its figures. WORDs pick the cases whose names have one of them.
The cases were written on seed 0, the verdict mended on 0 to 5; on 6 and 7 it was judged once, when the rules stood.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from bench.machine import machine
from bench.verdicts.advice import followed
from bench.verdicts.cases import cases
from bench.verdicts.judgement import judged

RESULTS = Path("bench/results")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*")
    parser.add_argument("--advice", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--followed", type=Path, nargs="*", default=())
    options = parser.parse_args()
    torch.set_num_threads(1)
    effects = advice_followed(options.followed)
    rows = []
    for case in cases():
        if options.words and not any(word in case.name for word in options.words):
            continue
        row = judged(case, options.seed)
        if options.advice:
            row |= effects.get((case.name, row["claim"])) or followed(case, row["claim"])
            if row["helped"] and {row["claim"], case.truth} == {"forgets", "untrained"}:
                row["judged"] = "right"
        print(line(row), flush=True)
        rows.append(row)
    print(summary(rows))
    if options.words:
        return
    found = {"machine": machine(), "cases": rows}
    out = options.out or RESULTS / f"verdicts-seed-{options.seed}.json"
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def advice_followed(files: Iterable[Path]) -> dict[tuple[str, str], dict[str, Any]]:
    """What advice did in earlier runs, by the case and what was said of it."""
    return {
        (row["name"], row["claim"]): {name: row[name] for name in ("before", "after", "helped")}
        for file in files
        for row in json.loads(file.read_text("utf-8"))["cases"]
        if "before" in row
    }


def line(row: dict[str, Any]) -> str:
    """A case at a glance: what was planted, its score, what was said, and whether the advice helped."""
    scores = f"{row['tested']:6.2f} {row['long']:6.2f}"
    helped = "" if row.get("helped") is None else ("  helped" if row["helped"] else "  no help")
    return f"{row['judged']:7} {row['name']:48} {scores}  {row['claim']}{helped}"


def summary(rows: list[dict[str, Any]]) -> str:
    """So many right, honest and wrong, and how often the advice helped."""
    counts, given = (
        Counter(row["judged"] for row in rows),
        [row for row in rows if row.get("helped") is not None],
    )
    return (
        f"{len(rows)}: {counts['right']} right, {counts['honest']} honestly cannot say, {counts['wrong']} wrong; "
        f"advice helped in {sum(row['helped'] for row in given)} of {len(given)}"
    )


if __name__ == "__main__":
    main()
