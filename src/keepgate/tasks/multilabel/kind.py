"""What a multilabel classifier registers: how it is trained and what it reads."""

from ...data.corpora.labelled import LabelledCorpus, read_labelled
from ..classifier.kind import recipe
from ..kind import TaskKind
from .classifier import MultilabelClassifier


def suits(corpus: LabelledCorpus) -> tuple[bool, str]:
    """Whether texts of the corpus may have several labels, and the reason in words."""
    if corpus.several:
        return True, "texts have lists of labels"
    return False, "each text has one label"


KIND = TaskKind(
    task=MultilabelClassifier,
    recipe=recipe,
    read=read_labelled,
    columns=("text_column", "label_column", "label_separator"),
    unit="texts",
    asks=False,
    takes_vectors=True,
    spills=True,
    use="keepgate predict {model} FILE",
    does="gives each text any number of labels",
    suits=suits,
)
