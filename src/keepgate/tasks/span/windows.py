"""Windows: a long text in overlapping pieces that are read one by one, and the scores of its spans from theirs."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]


def windows_of(length: int, size: int, overlap: int) -> list[slice]:
    """Pieces of at most `size` tokens that cover the text; two neighbours share `overlap` tokens or more."""
    starts = [*range(0, max(length - size, 0), size - overlap), max(length - size, 0)]
    return [slice(start, min(start + size, length)) for start in starts]


def parts_of(windows: Sequence[slice]) -> list[slice]:
    """For each window the tokens that it is asked about: up to the middle of what it shares with the next."""
    ends = [(left.stop + right.start) // 2 for left, right in pairwise(windows)]
    starts = [0, *ends]
    return [slice(start, end) for start, end in zip(starts, [*ends, windows[-1].stop], strict=True)]


def joined(windows: Sequence[slice], scores: Sequence[Scores]) -> Scores:
    """The scores of a text's spans, [time, longest], each from the window that reads most around its first token.

    scores: of the spans of each window, by first token. A window reads every span that begins in its part, where what
    two windows share is twice the longest span or more.
    """
    parts = [
        of_window[part.start - window.start : part.stop - window.start]
        for part, window, of_window in zip(parts_of(windows), windows, scores, strict=True)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def window_at(windows: Sequence[slice], token: int) -> slice:
    """The window that is asked about the spans that begin at this token."""
    return next(window for window, part in zip(windows, parts_of(windows), strict=True) if token < part.stop)
