"""Reports: explanations and diagnoses that show themselves in a notebook, at a prompt, as figures, pages and files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from ...data.labelled import LabelledText
from ...data.labelled_series import LabelledSeries
from ...data.multilabel import MultilabelText
from ...data.questions import Question
from ...data.series import Series
from ...errors import CorpusError, SettingsError
from ...tasks.probe import Probed, SeriesProbe, SeriesProbed
from ...tasks.task import Task
from ..attribution.explanation import LeaveOut, ModelExplanation, explain_model
from ..attribution.shares import Shares
from ..capture.layer_run import LayerRun
from ..diagnosis.agent import STEPS, ActionModel, Agent, episodes_of
from ..diagnosis.batches import Batch
from ..diagnosis.diagnosis import Diagnosis, diagnose
from ..diagnosis.effective_context import EPSILON
from ..diagnosis.evidence import Evidence
from ..diagnosis.row_horizons import RowHorizons
from ..diagnosis.samples import Loss
from ..diagnosis.verdict import Verdict
from ..gradients.fixed_points import FixedPoints
from ..gradients.fixed_points import fixed_points as find_fixed_points
from ..readers.explanation import Explanation, explain_answer
from .diagnosis_text import diagnosis_text, verdict_text
from .export import as_json, json_values
from .export import save as save_explanation
from .figure import Figure, standing_alone
from .figures import check_figure, figure_of_explanation
from .html import fragment, page, summary
from .labels import Language, catalog_language
from .phase_plane import described, draw_phase_plane, plot_phase_plane
from .plot import plot


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplanationReport(Explanation):
    """An explanation that shows itself in a notebook, and saves itself to a file.

    language: in which it shows itself: "en" or "zh-TW".
    """

    language: Language = "en"

    def figure(self, name: str, *, language: Language | None = None) -> Figure:
        """One figure for a paper: "gates", "token_effects", "retention", "half_life", "saliency"; of a series "series".

        Raises SettingsError for an unknown name, for a figure of gates of a network without any, and for "series" of
        what is no labelled series.
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
        sure = "" if self.is_number else f", {self.answer.probability:.3f}"
        return f"<Explanation of {len(self.tokens):,} tokens: {self.answer.text!r}{sure}>"


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelReport(ExplanationReport, ModelExplanation):
    """The same for a model of the user's own, with the further figures "shares" and "look_back"."""

    __repr__ = ExplanationReport.__repr__


def explain(
    model: Task | nn.Module,
    inputs: Any,
    question: str | None = None,
    *,
    tokens: Sequence[str] | None = None,
    target: str | int | tuple[int, ...] | None = None,
    labels: Sequence[object] | None = None,
    output: str | int | None = None,
    time: int | None = None,
    row: int = 0,
    lengths: Any = None,
    step: int | None = None,
    features: Sequence[str] | None = None,
    baseline: Any = None,
    leave_out: LeaveOut | None = None,
    shares: Shares | None = None,
    language: Language = "en",
) -> ExplanationReport:
    """One answer taken apart: what carries it, proven by leaving each token or step out of everything that it does.

    In a notebook it shows itself; `.save("explanation.html")` writes one file without network,
    `.figure("token_effects")` gives one figure, `.json()` the numbers.

        keepgate.lens.explain(reader, "魯夫說他想成為海賊王。", "是誰想要成為海賊王?")
        keepgate.lens.explain(model, ids, tokens=words, labels=["bad", "good"])
        keepgate.lens.explain(forecaster, windows, row=5, target=0, features=["load", "temperature"])

    A model of ours takes a text and, a reader, what it is asked (a multilabel classifier, which label); a classifier of
    series a series; a forecaster a series (or a table's text, and which number: "load+24"). They have no further
    options. Any other torch model takes its own inputs, one row or a batch, as in `examine`, and these options:

    tokens:   the steps' names, such as words. None names ids by their numbers, and steps of numbers by their lag.
    target:   the label that is explained, by name or number, None the likeliest; of another one the answers, too, are
              its probability. Or which number of a row's prediction, by its place, such as 0 or (0, 1).
    labels:   names of the classes. They say that the prediction is one of classes; so do inputs that are ids, a
              prediction called "logits", and numbers that sum to 1.
    output:   where in the result the prediction is, as in `examine`. time: the inputs' dimension of time, likewise.
    row:      which row of the batch. lengths: of the rows, where the model is called with them.
    step:     whose answer is explained, where the model answers at each step; None is the last.
    features: names of the numbers of a step. baseline: what stands for nothing in their place, one number or one a
              feature; None is each feature's mean over the batch (of tokens, zeros for what a layer is given of them).
    leave_out: "step" calls the model without the step, so that later ones move up; where it takes no shorter rows, its
              recurrent layers pass the step by. "values" leaves the step and puts nothing in it. None is "values" for
              series and for answers at each step, where it matters how long ago something was, and "step" else.
    shares:   "held" holds every gate as it was, so that the answer is exactly a sum of what each step's features carry
              into it; "integrated" are integrated gradients, which the gates take part in. None holds the gates for a
              number where that sum is exact (a linear head, which is proven in each call), and integrates else.
    The model is in eval mode meanwhile, and left as it was.
    Raises CorpusError for an empty text or question, CellError for a task without memory, SettingsError for an unknown
    option or language, or where it is not known what is to be explained, ShapeError for a row or step out of range.
    """
    catalog_language(language)
    if isinstance(model, SeriesProbed):
        item = model.item(inputs, question) if isinstance(inputs, str) else inputs
        return _series_report(model.series_probe(item), language)
    if not isinstance(model, Probed):
        if question is not None:
            raise SettingsError(
                f"{type(model).__name__} is no reader of ours; only those are asked a question"
            )
        explanation = explain_model(
            model, inputs, tokens=tokens, target=target, labels=labels, output=output, time=time, row=row,
            lengths=lengths, step=step, features=features, baseline=baseline, leave_out=leave_out, shares=shares,
        )  # fmt: skip
        return ModelReport(**vars(explanation), language=language)
    options = (
        tokens,
        target,
        labels,
        output,
        time,
        row or None,
        lengths,
        step,
        features,
        baseline,
        leave_out,
        shares,
    )
    if any(option is not None for option in options):
        raise SettingsError(f"{type(model).__name__} takes a text and a question, and no further options")
    if isinstance(inputs, (LabelledSeries, MultilabelText)) and question is None:
        return ExplanationReport(**vars(explain_answer(model, inputs)), language=language)
    parts = {"text": inputs} if question is None else {"text": inputs, "question": question}
    for name, value in parts.items():
        if not isinstance(value, str):
            raise CorpusError(f"the {name} is {type(value).__name__}; give a string")
        if not value.strip():
            raise CorpusError(f"the {name} is empty; give one with something in it")
    return ExplanationReport(**vars(explain_answer(model, model.item(inputs, question))), language=language)


def _series_report(probe: SeriesProbe, language: Language) -> ModelReport:
    explanation = explain_model(probe.model, probe.inputs, time=1, features=probe.features)
    return ModelReport(**vars(explanation), language=language)


@dataclass(frozen=True, kw_only=True, eq=False)
class FixedPointsReport(FixedPoints):
    """Fixed points that show themselves. language: "en" or "zh-TW"."""

    language: Language = "en"

    def figure(self) -> Figure:
        """The points in the plane of the visited states' first two principal components."""
        drawn = draw_phase_plane(self, catalog_language(self.language))
        return standing_alone("fixed_points", drawn, draw=self.plot)

    def plot(self, ax: Any = None) -> Any:
        """The same in an Axes of matplotlib, a new one where it is None; gives the Axes."""
        return plot_phase_plane(self, ax, catalog_language(self.language))

    def _repr_html_(self) -> str:
        return self.figure()._repr_html_()

    def __repr__(self) -> str:
        return described(self, catalog_language(self.language))


def fixed_points(
    layer_run: LayerRun,
    input: Float[Tensor, " features"] | Sequence[float] | None = None,
    *,
    layer: int = -1,
    reverse: bool = False,
    period: int = 1,
    starts: int = 256,
    language: Language = "en",
) -> FixedPointsReport:
    """Fixed and slow points of a layer under a constant input, with their stability, from states that it visited.

    Arguments and errors are those of `lens.gradients.fixed_points`. `.figure()` and `.plot(ax)` show them.

        with keepgate.lens.attach(model) as seen:
            model(x)
        keepgate.lens.fixed_points(seen["lstm"])
    """
    catalog_language(language)
    points = find_fixed_points(layer_run, input, layer=layer, reverse=reverse, period=period, starts=starts)
    return FixedPointsReport(**vars(points), language=language)


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
                "exchanged": None
                if self.exchanged is None
                else {name: getattr(self.exchanged, name) for name in ("steps", "interval", *behaviour)},
                "rows": _row_horizons(self.rows),
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


def _row_horizons(rows: RowHorizons) -> dict[str, Any]:
    names = ("rows", "right", "steps", "interval", "furthest", "horizons", "contexts")
    return {name: getattr(rows, name) for name in names}


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
    model: nn.Module | Agent,
    data: Iterable[Batch]
    | Iterable[Question]
    | Iterable[LabelledText]
    | Iterable[LabelledSeries]
    | Iterable[Series]
    | int,
    *,
    loss: Loss | None = None,
    output: str | int | None = None,
    time: int | None = None,
    needed: int | None = None,
    layer: str | None = None,
    steps: int | None = None,
    epsilon: float = EPSILON,
    seed: int = 0,
) -> Report:
    """How far back a model of the user's own, or a reader of ours, learns, keeps and uses what it reads, and a verdict.

        report = keepgate.lens.examine(model, [(x, targets)])
        assert report.verdict.fault == "none" and report.horizon >= 120

    data:   batches (inputs, targets), a list, a generator or a DataLoader of them. The inputs are as the model takes
            them: a tensor or array whose rows are equally long, a tuple or dict of such, or a PackedSequence. Of rows
            that differ, (inputs, lengths, targets): the model is called with the inputs and the lengths; lengths as the
            last of several inputs, or a mask, are found. A dict names its targets "labels" or "targets". The answer
            comes at the end of each row; of a model that answers at each step, the last answer is examined.
            For a reader of ours: questions with their answers, of any length. A step is then a token of the text, and
            the question always stays; an answer that a span reader has not in sight costs what a guess does. For a
            classifier of ours: texts with their labels; for a forecaster: series, of whose windows a segment is a step.
    loss:   from the model's result and the targets to each row's loss, in nats. None takes cross entropy for whole
            numbers, and half the squared error for others; a reader of ours has its own.
    output: where in the result the prediction is: its name in a dict or dataclass, its number in a tuple; None finds
            it by the names that libraries use, or as the only one that fits.
    time:   the input's dimension of time; None takes the layer's (1 if it is batch first, else 0).
    needed: how many steps back what is asked for lies. None takes the known place of a question's facts or answer, for
            95 of 100; of other data the verdict rests on how good the answers are against guessing, with and without
            padding, on long and short rows, and on how far back a ridge regression must read for as good ones.
    layer:  the recurrent layer's name in the model; None takes the last, in a reader of ours that which reads the text.
    steps:  of an agent, below: the steps of each episode, its first ones; None takes 64.
    epsilon: see `horizon`. seed: of what is drawn by chance: the rows whose steps others are given, and the intervals.
    The model is in eval mode while it is examined, and left as it was.

    Of an agent of sb3-contrib's RecurrentPPO data is a number of episodes, each of `steps` steps or more, which it
    plays in its own environment without exploring: `lens.examine(agent, 32)`. Its actions are the targets. One rests on
    what was observed earlier if the policy acts otherwise both where it is shown the last steps only, as if an episode
    began there, and where the earlier ones are another episode's. An action that one of the two leaves as it is does
    not count, so that the reach is understated where there are few actions.
    Raises SettingsError without data or a recurrent layer, for NaN in the data, for results and targets that do not
    fit, or for a loss that is not one number a row.
    """
    batches: Any = data
    if isinstance(model, Agent):
        batches = [episodes_of(model, data, STEPS if steps is None else steps)]
        model, layer, time = ActionModel(model.policy), layer or "policy.lstm_actor", 1
    elif steps is not None:
        raise SettingsError(
            "steps is for an agent, which plays episodes; the steps of other data are its own"
        )
    diagnosis = diagnose(
        model, batches, loss=loss, output=output, time=time, needed=needed, layer=layer,
        epsilon=epsilon, seed=seed,
    )  # fmt: skip
    return Report(**vars(diagnosis) | {"verdict": VerdictReport(**vars(diagnosis.verdict))})
