"""What every test runs under: shapes and types enforced, fresh memory is NaN, seeds fixed."""

import os
import signal
import sys
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")

import jaxtyping
import pytest

from tests import enforce

# Before anything imports keepgate: every annotated function of these rooms checks what it is given.
_ENFORCED = [
    "keepgate.kernels",
    "keepgate.lens",
    "keepgate.nn",
    "keepgate.tasks.span.decode",
    "keepgate.tasks.span.network",
]
_HOOK = jaxtyping.install_import_hook(_ENFORCED, f"{enforce.__name__}.checked")
assert not any(name.startswith("keepgate.nn") for name in sys.modules), "keepgate was imported too early"

import torch

# A shell starts what runs in the background with Ctrl-C ignored, and every process below inherits that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seeds() -> None:
    torch.manual_seed(0)


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
