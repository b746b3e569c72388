"""States → answer: each task is a folder with a head, a loss, metrics and a recipe. The list is written out."""

from .choice import ChoiceReader
from .choice.recipe import recipe as choice_recipe
from .kind import TaskKind
from .span import SpanReader
from .span.recipe import recipe as span_recipe

ASK = 'keepgate ask {model} --text FILE --question "…"'
# By the kind that a model's files name.
KINDS: dict[str, TaskKind] = {
    kind.name: kind
    for kind in (
        TaskKind(task=ChoiceReader, recipe=choice_recipe, use=ASK),
        TaskKind(task=SpanReader, recipe=span_recipe, use=ASK),
    )
}
