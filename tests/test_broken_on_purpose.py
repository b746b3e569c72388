"""The tests fail where they should: each mutant of the source makes several of them fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CUT = "f * getattr(s.c, 'detach', lambda: s.c)() + i * g"

MUTANTS = {
    "two gates swapped": ("cells/lstm.py", "c = f * s.c + i * g", "c = i * s.c + f * g"),
    "two gate blocks swapped": ("cells/lstm.py", 'gates="i f g o"', 'gates="f i g o"'),
    "reverse direction fed forwards": ("kernels/reference.py", "reversed(range(call.steps)) if call.reverse else", ""),
    "torch's reverse direction fed forwards": (
        "kernels/builtin.py", "(lengths[rows] - 1 - time) if call.reverse else time", "time",
    ),
    "gradient through the cell cut": ("cells/lstm.py", "f * s.c + i * g", CUT),
    "padding read by the reverse direction": ("kernels/reference.py", "(t < call.lengths)", "(t <= call.lengths)"),
    "state not cleared at resets": ("kernels/reference.py", "masked_fill(begins.unsqueeze(1), 0)", "clone()"),
    "update gate's sign turned": ("cells/gru.py", "(1 - z) * n + z * s.h", "z * n + (1 - z) * s.h"),
    "ragged rows handed back in another order": (
        "kernels/builtin.py", "torch.argsort(rows).to(device)", "rows.to(device)",
    ),
    "packed weights that went stale": (
        "kernels/packed.py", "_core.fingerprint(known.arrays) == known.fingerprint", "known",
    ),
    "weights known again at another address": (
        "kernels/weights.py", "list(map(Tensor.data_ptr, now)) == self._pointers", "True",
    ),
    "each direction's output in the other's place": (
        "kernels/joined.py", "(self.both[..., :units], self.both[..., units:])",
        "(self.both[..., units:], self.both[..., :units])",
    ),
    "stacked rows taken apart in another order": ("kernels/folding.py", "(size, -1)", "(-1, size)"),
    "dropout in eval mode": (
        "nn/recurrent.py", "dropout(x, self.dropout, self.training)", "dropout(x, self.dropout, True)",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_several_tests(name, tmp_path):
    path, old, new = MUTANTS[name]
    shutil.copytree(ROOT / "src", tmp_path / "src")
    source = tmp_path / "src" / "keepgate" / path
    text = source.read_text(encoding="utf-8")
    assert old in text, f"{path} no longer says {old!r}; write the mutant anew"
    source.write_text(text.replace(old, new), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/cells",
            "tests/kernels",
            "tests/nn",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    # The last line counts them; those above it may quote a pytest that a test has started.
    failed = re.findall(r"(\d+) failed", done.stdout)
    assert failed, done.stdout[-2000:]
    assert int(failed[-1]) >= 3, done.stdout[-2000:]
    print(f"{name}: {failed[-1]} tests fail")
