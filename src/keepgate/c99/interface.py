"""Interface: what the caller of an exported model gives and gets."""

from dataclasses import dataclass

RUN = """
/* The scores of a whole text, from a state that need not be reset. */
void @_run(@_state *s, const int32_t *ids, long steps, float *workspace, float *scores);
"""


@dataclass(frozen=True)
class Interface:
    """What a caller gives and gets. ids: numbers of each step, 0 where no text is read. scores: how many come out.

    workspace: floats for each step of the longest text. streams: whether it reads step by step too.
    about: a sentence on what is read and what comes out. run: the function that does all. defines: sizes, where no
    text is read.
    """

    ids: int
    scores: int
    workspace: int
    streams: bool
    about: str
    run: str = RUN
    defines: str = ""
