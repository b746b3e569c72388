"""The command and its small models, as the tests of the command line have them."""

from tests.cli.conftest import keepgate as keepgate_command
from tests.cli.conftest import lstm

__all__ = ["keepgate_command", "lstm"]
