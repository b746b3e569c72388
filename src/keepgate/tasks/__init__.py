"""States → answer: each task is a head, a loss, a metric and a decoder."""

from .reader import ChoiceReader
from .span import SpanReader
from .task import Task

# By the kind that a model's files name.
TASKS: dict[str, type[Task]] = {task.kind: task for task in (ChoiceReader, SpanReader)}
