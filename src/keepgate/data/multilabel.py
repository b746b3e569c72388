"""MultilabelText: a text that may have several labels, or none."""

from dataclasses import dataclass

from .labelled import LabelledText


@dataclass(frozen=True, kw_only=True)
class MultilabelText(LabelledText):
    """A text and all labels that count as right (None, when they are to be predicted).

    focus: the label that the lens explains; None for all of them together.
    """

    labels: tuple[str, ...] | None = None
    focus: str | None = None


def labels_of(item: LabelledText) -> tuple[str, ...] | None:
    """All labels that count as right, of a text with one label too; None where none is told."""
    if isinstance(item, MultilabelText):
        return item.labels
    return None if item.label is None else (item.label,)
