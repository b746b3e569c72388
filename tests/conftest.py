"""What every test runs under: shapes and types enforced, fresh memory is NaN, seeds fixed, one thread."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("PYTHONUNBUFFERED", None)  # a user's output waits in its buffer, and its last flush may fail

import jaxtyping
import pytest

from tests import enforce
from tests.tools import TOOLS, tool_of

# Before anything imports keepgate: every annotated function of these rooms checks what it is given.
_ENFORCED = [
    "keepgate.kernels",
    "keepgate.lens",
    "keepgate.nn",
    "keepgate.tasks.span.network",
]
_HOOK = jaxtyping.install_import_hook(_ENFORCED, f"{enforce.__name__}.checked")
assert not any(name.startswith("keepgate.nn") for name in sys.modules), "keepgate was imported too early"

import torch

# A shell starts what runs in the background with Ctrl-C ignored, and every process below inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seeds_and_threads() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _fresh_memory_is_nan() -> Iterator[None]:
    """A kernel that reads memory it never wrote meets NaN, not a lucky zero."""
    torch.use_deterministic_algorithms(True, warn_only=False)
    torch.utils.deterministic.fill_uninitialized_memory = True
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def as_users_run() -> Iterator[None]:
    """Annotations are not enforced, so that what reaches a user is our own error and not the checker's."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--need-tools",
        action="store_true",
        help="fail where a test is skipped for want of a tool (tests/tools.py)",
    )


def _skipped(config: pytest.Config) -> Counter[str]:
    """How many tests were skipped for each reason; none in a worker of xdist, which reports to the first."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--need-tools") and any(map(tool_of, _skipped(session.config))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A line for each reason for which tests were skipped; for a missing tool, with the command that brings it."""
    for reason, count in sorted(_skipped(config).items()):
        tests = "1 test" if count == 1 else f"{count} tests"
        if name := tool_of(reason):
            tool = TOOLS[name]
            terminalreporter.line(f"{reason}: {tests} not run ({tool.untried}); on Debian: {tool.command}")
        else:
            terminalreporter.line(f"{tests} not run here: {reason}")
