"""Entry point: `keepgate COMMAND …`. Runs one command and turns whatever happens into a line and an exit code.

0 done, 1 a bug of ours, 2 wrong use, 3 a file that cannot be read or written, 4 training stopped itself,
5 a measurement below what was demanded, 130 Ctrl-C, 141 the reader of our output went away.
"""

# Only what Python has loaded anyway stands here: Ctrl-C while the rest is loading must end as quietly as later.
import os
import sys
from collections.abc import Sequence

WRONG_USE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of one command, which it has run and whose output it has written.

    arguments: without the program's name; None takes them from the command line.
    """
    ctrl_c = _CtrlC()
    try:
        with ctrl_c:
            return _run(sys.argv[1:] if arguments is None else list(arguments), ctrl_c)
    except KeyboardInterrupt as stop:
        if arguments is None:
            _ignore_ctrl_c()
        _print_error(f"\nkeepgate: {str(stop) or 'stopped by Ctrl-C'}")
        return INTERRUPTED
    except BrokenPipeError:
        return _pipe_closed()


class _CtrlC:
    """Remembers Ctrl-C: a library that was loading may turn it into an error of its own."""

    def __init__(self) -> None:
        self.pressed = False

    def __enter__(self) -> None:
        import signal

        self._before = signal.getsignal(signal.SIGINT)
        if self._before is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._press)

    def __exit__(self, *_: object) -> None:
        import signal

        if self._before is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _press(self, *_: object) -> None:
        self.pressed = True
        raise KeyboardInterrupt


def _run(arguments: list[str], ctrl_c: _CtrlC) -> int:
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter shows its number instead of ending the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    from ..lazy import missing_package
    from ..wording import sanitize

    try:
        from . import exit_codes
        from .processes import speaks
    except ModuleNotFoundError as missing:
        _print_error(f"keepgate: {missing_package('the command line', missing)}")
        return WRONG_USE
    try:
        from .app import run
        from .own_cells import register_own_cells

        register_own_cells()
        run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except Exception as error:
        if os.environ.get("KEEPGATE_DEBUG"):
            raise
        if ctrl_c.pressed:
            raise KeyboardInterrupt from error
        fault = exit_codes.fault_of(error)
        if fault.code == exit_codes.WRONG_USE and not speaks():
            # Of many processes of one command, each was used wrongly.
            return fault.code
        # A file's name, or what stands in it, may hold what steers a terminal.
        _print_error(f"keepgate: {sanitize(fault.message)}")
        return fault.code
    return 0


def _open_closed_streams() -> None:
    """Standard streams that the shell has closed (`>&-`) read as empty and take what is written to nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _ignore_ctrl_c() -> None:
    """The program is ending; a second Ctrl-C must not interrupt that."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _print_error(message: str) -> None:
    """After what stands in the output. Nothing is said on a stream that nobody reads, or whose disk is full."""
    for stream, text in ((sys.stdout, ""), (sys.stderr, f"{message}\n")):
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            _discard(stream.fileno())


def _discard(descriptor: int) -> None:
    """Points a stream at nothing, so that Python's own last flush does not fail and take the exit code with it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _pipe_closed() -> int:
    _discard(1)
    return BROKEN_PIPE


if __name__ == "__main__":
    sys.exit(main())
