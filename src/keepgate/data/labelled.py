"""LabelledText: a text and its label."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabelledText:
    """A text and the label that counts as right (None, when it is to be predicted)."""

    text: str
    label: str | None = None
    id: str = ""

    @property
    def question(self) -> str:
        """Empty: nothing is asked about a text that has a label."""
        return ""

    @property
    def summary(self) -> str:
        """The beginning of the text, for a list of texts."""
        return self.text[:200]

    @property
    def characters(self) -> int:
        """How many characters the text has."""
        return len(self.text)

    def pieces(self) -> Iterator[str]:
        """The text, in one piece."""
        yield self.text
