"""Text of what a model was examined with, and of the window that it needs, in two languages."""

from typing import Literal

from ...wording import msg
from ..attribution.look_back import LookBack
from .diagnosis_text import phrase
from .labels import catalog_language

# What is counted, what is read of it and what is said of both, where these are not called as the form.
_COUNTED = {"stream": "texts", "windows": "series"}
_READ = {"series": "steps", "windows": "segments"}
_SENTENCE = {"texts": "items", "series": "items"}


def data_text(
    items: int,
    steps: int,
    language: str,
    *,
    form: Literal["questions", "texts", "stream", "series", "windows"],
) -> str:
    """The size of the data: how many questions, texts or series, of which how many steps at most are read at once.

    form: "stream" for texts of which every place is predicted from the tokens before it; "windows" for series that
    are read in windows, whose steps are segments. Raises as `verdict_text`.
    """
    counted = msg(f"report.{_COUNTED.get(form, form)}", n=items)
    read = msg(f"report.{_READ.get(form, 'tokens')}", n=steps)
    message = msg(f"report.data_{_SENTENCE.get(form, form)}", items=counted, read=read)
    return phrase(message, catalog_language(language))


def look_back_text(back: LookBack, language: str) -> str:
    """How long a window has to be, from how far back forecasts hang on it. Raises as `verdict_text`."""
    key = "report.look_back_all" if 2 * back.steps > back.contexts[-1] else "report.look_back"
    message = msg(key, n=back.steps, all=back.contexts[-1], more=2 * back.contexts[-1])
    return f"  {phrase(message, catalog_language(language))}"
