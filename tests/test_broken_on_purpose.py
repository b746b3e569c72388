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
    "reverse direction fed forwards": (
        "kernels/reference.py", "reversed(range(call.steps)) if call.reverse else", "",
    ),
    "torch's reverse direction fed forwards": (
        "kernels/builtin.py", "(lengths[rows] - 1 - time) if call.reverse else time", "time",
    ),
    "gradient through the cell cut": ("cells/lstm.py", "f * s.c + i * g", CUT),
    "padding read by the reverse direction": (
        "kernels/reference.py", "(t < call.lengths)", "(t <= call.lengths)",
    ),
    "state not cleared at resets": ("kernels/reference.py", "masked_fill(cleared_rows.unsqueeze(1), 0)", "clone()"),
    "update gate's sign turned": ("cells/gru.py", "(1 - z) * n + z * s.h", "z * n + (1 - z) * s.h"),
    "ragged rows handed back in another order": (
        "kernels/builtin.py", "torch.argsort(rows).to(device)", "rows.to(device)",
    ),
    "packed weights that went stale": ("kernels/core/packed_weights.py", "if not weights.trusted:", "if False:"),
    "weights known again at another address": (
        "kernels/weights.py", "list(map(Tensor.data_ptr, tensors)) != self._pointers", "False",
    ),
    "each direction's output in the other's place": (
        "kernels/bidirectional_output.py", "(self.buffer[..., :units], self.buffer[..., units:])",
        "(self.buffer[..., units:], self.buffer[..., :units])",
    ),
    "stacked rows taken apart in another order": ("kernels/core/vmap.py", "(size, -1)", "(-1, size)"),
    "dropout in eval mode": (
        "nn/recurrent.py", "p=self.dropout, training=self.training)", "p=self.dropout, training=True)",
    ),
}  # fmt: skip

MUTANTS_OF_THE_LENS = {
    "a write counted as its own eraser": (
        "lens/memory/additive.py", "torch.cat([torch.zeros_like(retained[:1]), retained[:-1]])", "retained",
    ),
    "padding that forgets": (
        "lens/memory/additive.py", "factor.masked_fill(padding, 1)", "factor.masked_fill(padding, 0.5)",
    ),
    "a new sequence that remembers the one before": (
        "lens/memory/additive.py", "factor.masked_fill(cleared, 0)", "factor",
    ),
    "shares one step off": (
        "lens/memory/additive.py", "keep[1 : last + 1, :, units]", "keep[:last, :, units]",
    ),
    "the state before kept in the write": ("equations/additive.py", "{previous: ZERO}", "{previous: previous}"),
    "what keeps taken for what writes": (
        "equations/additive.py", "AdditiveUpdate(keep=keep,", "AdditiveUpdate(keep=1 - keep,",
    ),
    "an answer read before its projection": (
        "lens/memory/direct_shares.py", "(d if layer.weight_hr is None else d @ layer.weight_hr)",
        "(d if layer.weight_hr is None else d @ layer.weight_hr.abs())",
    ),
    "an empty memory that shows nothing": (
        "lens/memory/direct_shares.py", "torch.where(empty, slope,", "torch.where(empty, 0 * slope,",
    ),
    "packed rows in another order": (
        "nn/input_format.py", "real[:, order], positions[:, order]", "real, positions",
    ),
    "the reverse direction recovered forwards": (
        "lens/capture/recover_gates.py", "if call.reverse:", "if False:",
    ),
    "a bias forgotten": ("lens/capture/recover_gates.py", "call.bias_ih + call.bias_hh", "call.bias_ih"),
    "lags one off": ("lens/gradients/by_lag.py", "(ends - 1 - lag)", "(ends - 2 - lag)"),
    "a path of the Jacobian missing": (
        "lens/gradients/step_jacobian.py", "blocks[place] = blocks[place] + through", "blocks[place] = through",
    ),
    "the reverse direction's Jacobians in the wrong order": (
        "lens/gradients/lyapunov_exponents.py", "reversed(steps) if part.reverse else steps", "steps",
    ),
    "the changed step read twice": ("lens/interventions/rerun.py", "(steps + 1 + count)", "(steps + count)"),
    "gates not computed again from a changed memory": (
        "lens/interventions/rerun.py", "if new not in topological([node])",
        "if node is not new and node not in graph.next.values()",
    ),
    "an influence without what its own step shows": (
        "lens/gradients/first_order.py", "total + slope.double() * gradient", "total",
    ),
    "a share of the attention lost": (
        "lens/readers/answer_ablation.py", "writes + attribute_last(reading.trace", "attribute_last(reading.trace",
    ),
    "a horizon before the last step that counts": (
        "lens/diagnosis/effective_context.py", "int(too_short[-1]) + 1", "int(too_short[0]) + 1",
    ),
    "the first steps in place of the last": (
        "lens/diagnosis/samples.py", "leaf.narrow(self.time, start, last)", "leaf.narrow(self.time, 0, last)",
    ),
    "a gradient that does not reach the final states": (
        "lens/diagnosis/loss_gradient.py", "part, at_output, tuple(at_end))", "part, at_output)",
    ),
    "the size of another token's write": (
        "lens/memory/retention.py", "updates.write[step,", "updates.write[step - 1,",
    ),
    "erasures that were kept": ("lens/interventions/ablation.py", "if no_erase else", "if no_write else"),
    "a piece's last step written": (
        "lens/interventions/ablation.py", "(ends - starts).max()))", "(ends - starts).max()) - 1)",
    ),
    "a share of the wrong answer": (
        "lens/readers/leave_one_out.py", "1 - probability / base", "probability / base",
    ),
    "half of the states felt": ("lens/readers/gradient_saliency.py", "torch.cat(by_state, 2)", "by_state[0]"),
    "a closed gate that erases all the same": (
        "lens/interventions/ablation.py", "updates.keep_without_write[0] if no_write else",
        "updates.keep[0] if no_write else",
    ),
    "a gate that can only be closed at 0": (
        "equations/additive.py", "for value in (ZERO, ONE)", "for value in (ZERO,)",
    ),
    "an erasure allowed": (
        "lens/interventions/ablation.py", "no_write=False, no_erase=True", "no_write=False, no_erase=False",
    ),
}  # fmt: skip

MUTANTS_OF_THE_PAGE = {
    "any host let in": ("serve/guard.py", "not self.address.is_ours(hosts[0])", "False"),
    "a server for all that takes any name": ("serve/guard.py", "and (_is_address(name) or", "and (True or"),
    "any origin let in": ("serve/guard.py", "if elsewhere or len(origins) > 1", "if len(origins) > 1"),
    "another page's request let in": ("serve/guard.py", 'site not in ("same-origin", "none")', "False"),
    "chunks not counted": ("serve/guard.py", "if size > self.limits.body:", "if False:"),
    "tokens not counted": ("serve/request_models.py", "if tokens > max_tokens:", "if False:"),
    "no end to those who wait": ("serve/worker_pool.py", "if self.in_flight >= self._limits.waiting:", "if False:"),
    "no end to what is computed": ("serve/worker_pool.py", "timeout=deadline.left", "timeout=None"),
    "what nobody waits for computed all the same": ("serve/worker_pool.py", "future.cancel()", "pass"),
    "a place that is not given back": ("serve/worker_pool.py", "self.in_flight -= 1", "pass"),
    "what is typed guessed at": ("serve/request_models.py", "strict=True", "strict=False"),
    "half a character let through": ("serve/request_models.py", "if any(", "if False and any("),
    "a network changed in place": ("serve/gradients.py", "task = copy.deepcopy(task)", "task = task"),
    "another gate's bias": ("serve/gradients.py", "[gates.index(name)]", "[0]"),
    "one reading for all networks": ("serve/reading_cache.py", "(model.id, question.text,", '("", question.text,'),
    "units of another token": ("serve/serialize.py", "updates.write[token, 0]", "updates.write[token - 1, 0]"),
    "longer stories that begin anew": ("serve/lengthen.py", "story = text + ", "story = "),
    "the memory's phase in the wrong place": (
        "emit/unicode.py", "topological([carried.keep])", "topological([])",
    ),
}  # fmt: skip


MUTANTS_OF_WHOLE_MODELS = {
    "gates in our order for ONNX's operators": ("onnx/operator.py", "in operator.gates.split()]", "in cell.gates]"),
    "a reverse loop that clears a step too early": (
        "onnx/scan.py", 'emit("Concat", later, nowhere, axis=0)', 'emit("Concat", nowhere, later, axis=0)',
    ),
    "zeros after a row without steps": (
        "onnx/operator.py", "call.lengths is not None and call.states", "False and call",
    ),
    "a check that passes everything": ("onnx/check.py", "if not gap <= TOLERANCE", "if False"),
    "a frozen layer that looks at its weights": ("nn/parameters.py", "weights.trusted = self.frozen", "pass"),
    "tied weights thawed in the order of their freezing": (
        "swapping/swap.py", "reversed(layers.values())", "layers.values()",
    ),
    "a difference that is not stated": ("swapping/example_run.py", "every.max()", "every.min()"),
    "gradients lost on the fast path with states": (
        "kernels/core/fast_path.py",
        "if self._differentiates(x):\n            if self._weights.narrow",
        "if states is None and self._differentiates(x):\n            if self._weights.narrow",
    ),
}  # fmt: skip


def test_what_the_mutants_change_is_still_there():
    for path, old, _ in (
        *MUTANTS.values(),
        *MUTANTS_OF_THE_LENS.values(),
        *MUTANTS_OF_THE_PAGE.values(),
        *MUTANTS_OF_WHOLE_MODELS.values(),
    ):
        text = (ROOT / "src" / "keepgate" / path).read_text(encoding="utf-8")
        assert old in text, f"{path} no longer says {old!r}; write the mutant anew"


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_several_tests(name, tmp_path):
    caught(name, MUTANTS, ["tests/cells", "tests/kernels", "tests/nn"], tmp_path, at_least=3)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS_OF_THE_LENS)
def test_a_mutant_of_the_lens_is_caught(name, tmp_path):
    caught(name, MUTANTS_OF_THE_LENS, ["tests/lens", "tests/equations"], tmp_path, at_least=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS_OF_WHOLE_MODELS)
def test_a_mutant_of_swap_and_export_is_caught(name, tmp_path):
    rooms = ["tests/swapping", "tests/onnx/test_layers.py", "tests/kernels/test_fast_path.py"]
    caught(name, MUTANTS_OF_WHOLE_MODELS, rooms, tmp_path, at_least=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS_OF_THE_PAGE)
def test_a_mutant_of_the_page_s_server_is_caught(name, tmp_path):
    caught(
        name,
        MUTANTS_OF_THE_PAGE,
        ["tests/emit/test_unicode.py", "tests/serve", "--ignore=tests/serve/page"],
        tmp_path,
        at_least=1,
    )


def caught(name, mutants, rooms, tmp_path, at_least):
    path, old, new = mutants[name]
    shutil.copytree(ROOT / "src", tmp_path / "src")
    source = tmp_path / "src" / "keepgate" / path
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace(old, new), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--maxfail={at_least}",  # so many failures are all that is asked for below: later tests decide nothing
            *rooms,
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
    assert int(failed[-1]) >= at_least, done.stdout[-2000:]
    print(f"{name}: {failed[-1]} tests fail")
