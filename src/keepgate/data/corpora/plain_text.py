"""Plain text files: each is one text, whole, as a language model reads it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import CorpusError
from ...wording import count_of
from ..labelled import LabelledText
from .corpus import LeftOut
from .large import is_large
from .source import files_of, name_of, paths_of, read_text
from .text_file import TextFile, text_file


@dataclass
class PlainCorpus:
    """The texts of some files, in their order, without labels. Nothing is left out."""

    items: list[LabelledText | TextFile]
    format: str = "plain text"
    left_out: list[LeftOut] = field(default_factory=list)

    def account(self, at_most: int = 5) -> str:  # noqa: ARG002
        """How many texts and characters there are, in a line."""
        characters = count_of(sum(item.characters for item in self.items), "characters")
        return f"{count_of(len(self.items), 'texts')} ({self.format}), {characters}"


def read_plain(paths: str | Path | Iterable[str | Path]) -> PlainCorpus:
    """Each file as one text, its line ends as "\\n". Raises CorpusError for one that is no UTF-8 text or empty."""
    files = paths_of(paths)
    if not files:
        raise CorpusError("no files were given; name at least one with text")
    files_of(path for path in files if not is_large(path))
    return PlainCorpus([_item(Path(path)) for path in files])


def _item(path: Path) -> LabelledText | TextFile:
    if is_large(path):
        return text_file(path)
    return LabelledText(
        text=read_text(path).replace("\r\n", "\n").replace("\r", "\n"), id=Path(name_of(path)).name
    )
