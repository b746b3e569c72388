"""A model of every task, in many forms, with texts to answer about: as torch has them, and as folders."""

from pathlib import Path
from typing import Any

import torch

from keepgate import cells
from keepgate.data.labelled import LabelledText
from keepgate.data.multilabel import MultilabelText
from keepgate.data.tagged import tagged_text
from keepgate.demo.stories import stories, vocabulary_coverage_set
from keepgate.export import save
from keepgate.tasks import (
    ChoiceReader,
    Classifier,
    LanguageModel,
    MultilabelClassifier,
    PointerReader,
    SpanReader,
    Tagger,
)
from keepgate.tasks.choice import ChoiceReaderSettings
from keepgate.tasks.classifier import ClassifierSettings
from keepgate.tasks.language_model import LanguageModelSettings
from keepgate.tasks.multilabel import MultilabelSettings
from keepgate.tasks.pointer import PointerReaderSettings
from keepgate.tasks.span import SpanReaderSettings
from keepgate.tasks.tagger import TaggerSettings
from tests.kernels.user_cells import janet, reads_memory

STORIES = [*stories(30, 60, seed=1), *stories(10, 200, seed=2)]
ENGLISH = (
    "Ann sees a cat. Bob, aged 1,000, sees the incomprehensibilities by Mr. Incomprehensibilitiesfullness."
)
JANET, READS_MEMORY = cells.register(janet), cells.register(reads_memory)


def choice(**settings: Any) -> ChoiceReader:
    chosen = ChoiceReaderSettings(embedding_size=7, hidden_size=9, **settings)
    return ChoiceReader.build(vocabulary_coverage_set(), chosen, seed=0)


def classifier(**settings: Any) -> Classifier:
    texts = [LabelledText(text=story.text, label=story.answers[0]) for story in STORIES]
    chosen = ClassifierSettings(**{"embedding_size": 6, "pair_size": 4, "hidden_size": 5, **settings})
    return Classifier.build(texts, chosen, seed=0)


def multilabel(**settings: Any) -> MultilabelClassifier:
    texts = [
        MultilabelText(text=story.text, labels=(*story.answers[:1], "long")[: 1 + len(story.text) % 2])
        for story in STORIES
    ]
    chosen = MultilabelSettings(**{"embedding_size": 6, "pair_size": 4, "hidden_size": 5, **settings})
    task = MultilabelClassifier.build(texts, chosen, seed=0)
    task.thresholds.copy_(torch.linspace(0.2, 0.7, len(task.labels)))
    return task


def tagger(*, words: bool = False, **settings: Any) -> Tagger:
    chosen = TaggerSettings(
        **{
            "embedding_size": 6,
            "pair_size": 4,
            "letter_size": 3,
            "hidden_size": 5,
            "min_count": 1,
            **settings,
        }
    )
    if words:
        tokens = ENGLISH.replace(".", " .").replace(",", " ,").split()
        texts = [tagged_text(tokens, ["NAME" if token.istitle() else "x" for token in tokens])]
        return Tagger.build(texts, chosen, seed=0)
    texts = []
    for story in STORIES:
        start, end = story.starts[0] or 0, (story.starts[0] or 0) + len(story.answers[0])
        tags = ["B-X" if k == start else "I-X" if start < k < end else "O" for k in range(len(story.text))]
        texts.append(tagged_text(story.text, tags))
    return Tagger.build(texts, chosen, seed=0)


def span(**settings: Any) -> SpanReader:
    chosen = SpanReaderSettings(**{"embedding_size": 8, "hidden_size": 6, "pair_size": 4, **settings})
    return SpanReader.build(STORIES, chosen, seed=0)


def pointer(**settings: Any) -> PointerReader:
    chosen = PointerReaderSettings(embedding_size=6, hidden_size=5, pointer_size=7, **settings)
    return PointerReader.build(STORIES, chosen, seed=0)


def language_model(**settings: Any) -> LanguageModel:
    chosen = LanguageModelSettings(**{"embedding_size": 6, "hidden_size": 8, **settings})
    return LanguageModel.build([LabelledText(text=ENGLISH + "\n" + ENGLISH)], chosen, seed=0)


TASKS = {
    "choice, attention": lambda: choice(),
    "choice, last, two layers": lambda: choice(
        pooling="last", cell="lstm", num_layers=2, bidirectional=False
    ),
    "choice, last, both ways": lambda: choice(pooling="last", cell="rnn", num_layers=2),
    "choice, question first": lambda: choice(question_first=True, num_layers=2),
    "choice, question first, forwards": lambda: choice(question_first=True, bidirectional=False),
    "choice, attention forwards": lambda: choice(cell="mingru", bidirectional=False),
    "choice, window": lambda: choice(cell="feedforward", window=5, pooling="last", bidirectional=False),
    "choice, window and attention": lambda: choice(cell="feedforward", window=5, bidirectional=False),
    "choice, registered cell": lambda: choice(cell=JANET),
    "choice, registered cell that reads the memory": lambda: choice(cell=READS_MEMORY),
    "choice, product in the step": lambda: choice(cell="gru_reset_before", num_layers=2),
    "classifier, mean and max": lambda: classifier(),
    "classifier, last": lambda: classifier(pooling="last", pair_size=0, bidirectional=False),
    "classifier, last both ways": lambda: classifier(pooling="last", cell="peephole"),
    "classifier, mean": lambda: classifier(pooling="mean", cell="gru", num_layers=3),
    "classifier, max forwards": lambda: classifier(pooling="max", cell="rnn_relu", bidirectional=False),
    "classifier, attention": lambda: classifier(pooling="attention", num_layers=2),
    "multilabel": lambda: multilabel(),
    "multilabel, last": lambda: multilabel(pooling="last", pair_size=0, bidirectional=False),
    "tagger, characters": lambda: tagger(),
    "tagger, words and letters": lambda: tagger(words=True, cell="gru"),
    "tagger, one way": lambda: tagger(words=True, pair_size=0, letter_size=0, bidirectional=False),
    "span": lambda: span(),
    "span, most likely": lambda: span(f1_weight=0.0, max_answer_span=5, max_train_span=9),
    "letters and span": lambda: span(letter_size=3),
    "span, none by its threshold": lambda: span(no_answer=True, no_answer_threshold=-1e9),
    "span, or none, calibrated": lambda: span(no_answer=True, cell="gru", temperature=2.5),
    "pointer": lambda: pointer(no_answer_threshold=1e9),
    "pointer, or none": lambda: pointer(cell="gru", num_layers=2, max_answer_span=3),
    "pointer, registered cell, none by its threshold": lambda: pointer(cell=JANET, no_answer_threshold=-1e9),
    "language model": lambda: language_model(),
    "language model, tied words": lambda: language_model(tokens="words", tied_weights=True, num_layers=2),
    "language model, gru": lambda: language_model(cell="gru"),
}


def built(name: str) -> Any:
    """The torch task, in eval mode, with weights that are not small."""
    return with_large_weights(TASKS[name]())


def with_large_weights(task: Any) -> Any:
    """The task in eval mode, with weights that are not small."""
    with torch.no_grad():
        for parameter in task.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return task.eval()


def saved(task: Any, folder: Path) -> Path:
    """The task as a model folder."""
    save(task, folder, card={})
    return folder


def items_of(task: Any) -> list[Any]:
    """Items of very different lengths that the task reads."""
    if isinstance(task, (ChoiceReader, SpanReader, PointerReader)):
        return [STORIES[0], STORIES[35], task.item("魯夫", "誰?"), task.item(ENGLISH, "Who sees 1,000 cats?")]
    texts = [STORIES[0].text, STORIES[35].text, ENGLISH, "x"]
    return [task.item(text) for text in texts]
