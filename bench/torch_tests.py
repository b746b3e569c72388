"""torch's own tests of recurrent layers, with keepgate's layers in the place of torch's.

    python -m bench.torch_tests DIR            # DIR: the folder `test` of PyTorch's sources (`torch` beside it)
    python -m bench.torch_tests DIR --theirs   # the same tests with torch's own layers

Prints how many of the tests that name a recurrent layer pass, and each that fails with the line it ended in. It needs
pytest, and what torch's tests import (expecttest); nothing is copied. A newer torch fails some tests of an older one by
itself: what counts is what passes with torch's own layers and not with ours.
"""

import argparse
import importlib
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.testing

import keepgate

LAYERS = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")
FILES = ("test_nn.py", "test_modules.py", "test_autograd.py", "nn")
NAMED = re.compile(r"(RNN|LSTM|GRU|lstm|_rnn_|_gru)")


class Recurrent:
    """A pytest plugin: keeps the tests that name a recurrent layer, and writes down what became of them."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.ends: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keeps those whose name or source names one."""
        items[:] = [item for item in items if NAMED.search(item.name) or _source_names_one(item)]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keeps the worst outcome of set-up, call and tear-down."""
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.ends[report.nodeid] = str(crash.message if crash else report.longrepr)


def _source_names_one(item: Any) -> bool:
    """Whether the body of a plain test names a layer; a body made for many modules names all of them."""
    function = getattr(item.function, "__wrapped__", item.function)
    names = function.__code__.co_names if hasattr(function, "__code__") else ()
    return any(name in LAYERS for name in names)


def put_in_place() -> None:
    """Puts keepgate's layers in the place of torch's, before torch's lists of modules are imported."""
    for name in LAYERS:
        setattr(torch.nn, name, getattr(keepgate, name))
        setattr(torch.nn.modules, name, getattr(keepgate, name))


def use_testing_helpers(sources: Path) -> None:
    """Lets `torch.testing._internal` be that of the sources, which their tests fit, where it lies beside them.

    What it has about quantisation stays the installed torch's, since it looks into that torch while it is imported.
    """
    helpers = sources / "torch" / "testing" / "_internal"
    if not helpers.is_dir():
        return
    kept = [f"torch.testing._internal.{name}" for name in ("common_quantized", "hypothesis_utils")]
    modules = {name: importlib.import_module(name) for name in kept}
    for name in [name for name in sys.modules if name.startswith("torch.testing._internal")]:
        del sys.modules[name]
    module = types.ModuleType("torch.testing._internal")
    module.__path__ = [str(helpers)]
    sys.modules |= {module.__name__: module} | modules
    torch.testing._internal = module


def main() -> None:
    """Runs them and prints the count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theirs", action="store_true")
    parser.add_argument("-k", default="")
    options = parser.parse_args()
    if not options.theirs:
        put_in_place()
    use_testing_helpers(options.folder.resolve().parent)
    sys.path.insert(0, str(options.folder.resolve()))
    sys.argv = sys.argv[:1]  # torch's tests read the command line themselves
    plugin = Recurrent()
    files = [str(options.folder / file) for file in FILES if (options.folder / file).exists()]
    pytest.main(
        [*files, "-q", "-p", "no:cacheprovider", "--noconftest", "--no-header", "--tb=short", "-W", "ignore",
         "-k", options.k, "--rootdir", str(options.folder), "-c", "/dev/null"],
        plugins=[plugin],
    )  # fmt: skip
    counts = {kind: list(plugin.outcomes.values()).count(kind) for kind in ("passed", "failed", "skipped")}
    for name, end in plugin.ends.items():
        print(f"FAILED {name}\n    {end.splitlines()[0][:300] if end else ''}")
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
