"""Interface: what the caller of an exported model gives and gets."""

from collections.abc import Iterable
from dataclasses import dataclass

RUN = """
/* The scores of a whole text, from a state that need not be reset. */
void @_run(@_state *s, const int32_t *ids, long steps, float *workspace, float *scores);
"""
STEP = """/* Reads one more step of a stream; output, which may be null, gets the last layer's <units> numbers. */
void @_step(@_state *s, const int32_t *ids, float *output);
"""


@dataclass(frozen=True)
class Interface:
    """What a caller gives and gets. ids: numbers of each step, 0 where no text is read. scores: how many come out.

    workspace: floats for each step of the longest text. streams: whether it reads step by step too.
    about: a sentence on what is read and what comes out. run: the function that does all. defines: sizes, where no
    text is read. step: the function that reads one more step, where it streams.
    """

    ids: int
    scores: int
    workspace: int
    streams: bool
    about: str
    run: str = RUN
    defines: str = ""
    step: str = STEP


def names_in_comment(names: Iterable[str]) -> str:
    """Names inside a comment of C, which may hold no end of one and no other sign than ASCII's."""
    return ", ".join(ascii(name)[1:-1].replace("*/", "* /").replace("/*", "/ *") for name in names) or "none"
