"""TextFile: a text that stays in its file and is read piece by piece."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import CorpusError
from .source import decoded, opened

# Characters of a piece; and bytes that are decoded at once.
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class TextFile:
    """A file of text that need not fit into memory, in place of a LabelledText.

    characters: how many it has, each line end one. Raises CorpusError, when made by `text_file`, for what is no text.
    """

    path: Path
    characters: int

    @property
    def id(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def text(self) -> str:
        """All of it, in memory."""
        return "".join(self.pieces())

    @property
    def summary(self) -> str:
        """The beginning of the text, for a list of texts."""
        return next(self.pieces())[:200]

    def pieces(self) -> Iterator[str]:
        """The text in pieces, its line ends as "\\n", each cut after a blank where it has one: never inside a word."""
        rest = ""
        with self.path.open(encoding="utf-8-sig") as file:
            while part := file.read(PIECE):
                part = rest + part
                cut = max(part.rfind("\n"), part.rfind(" ")) + 1 or len(part)
                rest = part[cut:]
                yield part[:cut]
        if rest:
            yield rest


def text_file(path: Path) -> TextFile:
    """The file as a text, once all of it has been looked at. Raises CorpusError where it is no UTF-8."""
    check_text(path)
    return TextFile(path=path, characters=sum(map(len, TextFile(path=path, characters=0).pieces())))


def check_text(path: Path) -> None:
    """Looks at all of a file. Raises CorpusError where it is no UTF-8."""
    with opened(path) as file:
        head = file.read(PIECE)
    if (lines := head[: head.rfind(b"\n") + 1]).strip():
        # What is wrong with a file from its first lines on is said as for a small one.
        decoded(lines, path)
    before, decoder = 0, codecs.getincrementaldecoder("utf-8-sig")()
    with path.open("rb") as file:
        while content := file.read(PIECE):
            try:
                part = decoder.decode(content)
            except UnicodeDecodeError as fault:
                raise CorpusError(
                    f"{path} is not UTF-8 near byte {before + fault.start:,}: {fault.reason}; repair that place or get "
                    "the file again"
                ) from None
            if "\0" in part:
                raise CorpusError(
                    f"{path} has zero bytes (near byte {before + content.index(0):,}); it is no text"
                )
            before += len(content)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise CorpusError(
            f"{path} ends in the middle of a character; it was probably cut off, get it again"
        ) from None
