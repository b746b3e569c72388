"""Reports: explanations and diagnoses that show themselves in a notebook, at a prompt, as figures, pages and files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ...data.labelled import LabelledText
from ...data.questions import Question
from ...errors import CorpusError
from ...tasks.task import Task
from ..diagnosis.diagnosis import Diagnosis, diagnose
from ..diagnosis.effective_context import EPSILON
from ..diagnosis.evidence import Evidence
from ..diagnosis.samples import Batch, Loss
from ..diagnosis.verdict import Verdict
from ..readers.explanation import Explanation, explain_answer
from .diagnosis_text import diagnosis_text, verdict_text
from .export import as_json, json_values
from .export import save as save_explanation
from .figure import Figure
from .figures import check_figure, figure_of_explanation
from .html import fragment, page, summary
from .labels import Language, catalog_language
from .plot import plot


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplanationReport(Explanation):
    """An explanation that shows itself in a notebook, and saves itself to a file.

    language: in which it shows itself: "en" or "zh-TW".
    """

    language: Language = "en"

    def figure(self, name: str, *, language: Language | None = None) -> Figure:
        """One figure for a paper: "gates", "token_effects", "retention", "half_life" or "saliency".

        Raises SettingsError for an unknown name, and for a figure that a plain RNN, without gates, cannot have.
        """
        return figure_of_explanation(self, name, language or self.language)

    def plot(self, name: str, ax: Any = None, *, language: Language | None = None) -> Any:
        """The same figure drawn into an Axes of matplotlib, a new one where it is None; gives the Axes.

        Raises SettingsError as `figure` does, and without matplotlib.
        """
        check_figure(self, name, language or self.language)
        return plot(self, name, ax, language or self.language)

    def html(self, *, language: Language | None = None) -> str:
        """A whole page that needs no network: in one language, or, with None, in both and with a switch."""
        return page(self, language, self.language)

    def json(self) -> str:
        """All its numbers as one JSON object."""
        return as_json(self)

    def save(self, path: str | Path, *, language: Language | None = None) -> Path:
        """The path, written whole or not at all: .html (see `html`), or the numbers as .json, .npz or .arrow.

        Arrow needs pyarrow. Raises SettingsError for another ending or without pyarrow, OSError as writing does.
        """
        return save_explanation(self, path, lambda: self.html(language=language))

    def _repr_html_(self) -> str:
        return fragment(self, self.language)

    def __str__(self) -> str:
        return summary(self, self.language)

    def __repr__(self) -> str:
        return f"<Explanation of {len(self.tokens):,} tokens: {self.answer.text!r}, {self.answer.probability:.3f}>"


def explain(
    model: Task, text: str, question: str | None = None, *, language: Language = "en"
) -> ExplanationReport:
    """A text as a model of ours reads it, taken apart: what carries the answer or the label, what was erased.

    question: what a reader is asked; a classifier is asked nothing.

    In a notebook it shows itself; `.save("explanation.html")` writes one file without network,
    `.figure("token_effects")` gives one figure, `.json()` the numbers.

        keepgate.lens.explain(model, "魯夫說他想成為海賊王。", "是誰想要成為海賊王?")

    Raises CorpusError for an empty text or question, CellError for a model without memory, SettingsError for an unknown
    language. Without gradients or dropout.
    """
    catalog_language(language)
    parts = {"text": text} if question is None else {"text": text, "question": question}
    for name, value in parts.items():
        if not isinstance(value, str):
            raise CorpusError(f"the {name} is {type(value).__name__}; give a string")
        if not value.strip():
            raise CorpusError(f"the {name} is empty; give one with something in it")
    return ExplanationReport(**vars(explain_answer(model, model.item(text, question))), language=language)


class VerdictReport(Verdict):
    """A verdict in words."""

    @property
    def sentence(self) -> str:
        """The fault and its remedy, with the numbers, in English."""
        return self.text()

    def text(self, language: str = "en") -> str:
        """The same in a language. Raises SettingsError for one that the lens does not have."""
        return verdict_text(self, language)

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, kw_only=True, eq=False)
class Report(Diagnosis):
    """A diagnosis that shows itself at a prompt and as figures."""

    verdict: VerdictReport

    def as_dict(self) -> dict[str, Any]:
        """All figures as plain values, for JSON: what is no finite number is None."""
        behaviour = ("contexts", "gap", "loss", "epsilon", "context_helps", "explained")
        return json_values(
            {
                "layer": self.name,
                "steps": self.steps,
                "horizon": self.horizon,
                "interval": self.interval,
                "needed": self.needed,
                "verdict": {"fault": self.verdict.fault, "sentence": self.verdict.sentence},
                "loss": self.behaviour.loss,
                "guess": self.verdict.findings.guess,
                "evidence": _evidence(self.verdict.findings.evidence),
                "behaviour": {name: getattr(self.behaviour, name) for name in behaviour},
                "gradient": {
                    "values": self.gradient,
                    "vanishing_lag": self.vanishing_lag,
                    "decay": self.decay,
                },
                "direct_path": self.direct_path,
                "exponents": self.exponents,
                "half_lives": self.half_lives,
                "saturation": self.saturation,
            }
        )

    def plot(self, name: str, ax: Any = None, *, language: Language = "en") -> Any:
        """One figure in an Axes of matplotlib, a new one where it is None: "half_life", "gradient" or "horizon".

        Gives the Axes: `report.plot("gradient").figure.savefig("gradient.pdf")`. Raises SettingsError for an unknown
        name, for half-lives of a network without gates, and without matplotlib.
        """
        check_figure(self, name, language)
        return plot(self, name, ax, language)

    def text(self, language: str = "en") -> str:
        """The verdict and the figures behind it, a line each. Raises SettingsError for an unknown language."""
        return diagnosis_text(self, language)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.text()


def _evidence(evidence: Evidence) -> dict[str, Any]:
    padding = evidence.padding
    return {
        "quality": evidence.quality,
        "without_padding": evidence.without,
        "padding": padding and {name: getattr(padding, name) for name in ("side", "share", "read")},
        "baseline": evidence.baseline,
        "alike": evidence.alike,
    }


def examine(
    model: nn.Module,
    data: Iterable[Batch] | Iterable[Question] | Iterable[LabelledText],
    *,
    loss: Loss | None = None,
    output: str | int | None = None,
    time: int | None = None,
    needed: int | None = None,
    layer: str | None = None,
    epsilon: float = EPSILON,
) -> Report:
    """How far back a model of the user's own, or a reader of ours, learns, keeps and uses what it reads, and a verdict.

        report = keepgate.lens.examine(model, [(x, targets)])
        assert report.horizon >= 120

    data:   batches (inputs, targets), a list, a generator or a DataLoader of them. The inputs are as the model takes
            them: a tensor or array whose rows are equally long, a tuple or dict of such, or a PackedSequence. Of rows
            that differ, (inputs, lengths, targets): the model is called with the inputs and the lengths. The answer
            comes at the end of each row; of a model that answers at each step, the last answer is examined.
            For a reader of ours: questions with their answers, of any length. A step is then a token of the text, and
            the question always stays; an answer that a span reader has not in sight costs what a guess does. For a
            classifier of ours: texts with their labels.
    loss:   from the model's result and the targets to each row's loss, in nats. None takes cross entropy for whole
            numbers, and half the squared error for others; a reader of ours has its own.
    output: where in the result the prediction is: its name in a dict or dataclass, its number in a tuple; None finds
            it by the names that libraries use, or as the only one that fits.
    time:   the input's dimension of time; None takes the layer's (1 if it is batch first, else 0).
    needed: how many steps back what is asked for lies; None takes it from the data, for 95 of 100 rows: the rows whole,
            for questions whose facts or answers have a known place, from there on.
    layer:  the recurrent layer's name in the model; None takes the last, in a reader of ours that which reads the text.
    The model is in eval mode while it is examined, and left as it was. epsilon: see `horizon`.
    Raises SettingsError without data or a recurrent layer, for NaN in the data, for results and targets that do not
    fit, or for a loss that is not one number a row.
    """
    diagnosis = diagnose(
        model, data, loss=loss, output=output, time=time, needed=needed, layer=layer, epsilon=epsilon
    )
    return Report(**vars(diagnosis) | {"verdict": VerdictReport(**vars(diagnosis.verdict))})
