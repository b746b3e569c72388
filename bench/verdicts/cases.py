"""The hundred cases."""

from bench.verdicts.case import Case
from bench.verdicts.data_faults import bad_data, badly_scaled, no_signal, padding
from bench.verdicts.healthy import healthy
from bench.verdicts.memory_faults import forgets, overfitted, untrained


def cases() -> list[Case]:
    """In the order of the table."""
    parts = (healthy, forgets, untrained, overfitted, padding, badly_scaled, no_signal, bad_data)
    return [case for part in parts for case in part()]
