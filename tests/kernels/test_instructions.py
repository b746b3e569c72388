"""A kernel does no more work than it did: instructions of four small cases, counted by callgrind.

`python -m tests.kernels.test_instructions` counts them anew and writes instructions.json.
"""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from keepgate import _core
from tests.kernels.drivers import compiler, driver_here, run
from tests.kernels.native_cells import cells_file
from tests.tools import needs

FILE = Path(__file__).parent / "instructions.json"
COMMITTED = json.loads(FILE.read_text())
CASES = ("lstm-forward", "gru-training", "streaming", "program-training")
ISA = "avx2"  # valgrind knows no AVX-512
CLOSE = 0.03  # the counts are exact; another libc may take other paths


def counted(case: str) -> tuple[int, str]:
    """Instructions of the case, and the compiler that made them."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]
    with TemporaryDirectory() as folder:
        cells = cells_file(Path(folder))
        said = run(
            [*command, "--toggle-collect=measured", driver_here(), cells, "count", case], KEEPGATE_ISA=ISA
        )
    found = re.search(r"Collected : (\d+)", said)
    compiled_by = re.search(rf"^{ISA}, (.*)$", said, re.MULTILINE)
    assert found, said
    assert compiled_by, said
    return int(found[1]), compiled_by[1]


@needs("valgrind")
@pytest.mark.skipif(
    ISA not in _core.isas(), reason=f"the counts are of {ISA}, which this processor does not run"
)
@pytest.mark.skipif(
    compiler() != COMMITTED["compiler"],
    reason=f"the counts are of {COMMITTED['compiler']}; another compiler makes other instructions of the same source",
)
@pytest.mark.parametrize("case", CASES)
def test_a_case_takes_the_instructions_it_took(case: str):
    now, compiled_by = counted(case)
    assert compiled_by == COMMITTED["compiler"]
    before = COMMITTED["instructions"][case]
    assert abs(now / before - 1) <= CLOSE, (
        f"{case} takes {now:,} instructions, {now / before - 1:+.1%} from the {before:,} of instructions.json; "
        f"if that is meant, run `python -m {__name__}` and commit the file"
    )


if __name__ == "__main__":
    figures = {case: counted(case) for case in CASES}
    text = {
        "compiler": figures[CASES[0]][1],
        "instructions": {case: count for case, (count, _) in figures.items()},
    }
    FILE.write_text(json.dumps(text, indent=2) + "\n")
    print(FILE.read_text())
