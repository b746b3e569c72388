"""Interrupt: Ctrl-C or SIGTERM during a training ends it after the step, with a checkpoint."""

import os
import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupt:
    """Inside `with Interrupt(…) as interrupt` the first Ctrl-C (or SIGTERM) sets `interrupt.requested`;
    a second stops at once.

    Outside the main thread, which alone is told of signals, and with `armed=False`, nothing changes.
    quiet: nothing is written on stderr; another process of the same training does that.
    """

    def __init__(self, *, armed: bool, quiet: bool = False) -> None:
        self.requested, self._quiet = False, quiet
        self._armed = armed and threading.current_thread() is threading.main_thread()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if self._armed:
            self._before = {
                number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt("stopped at once, without saving")
        self.requested = True
        if self._quiet:
            return
        # Not print: the signal may have come in the middle of one.
        os.write(2, b"\nstopping after this step, then saving; once more stops at once\n")
