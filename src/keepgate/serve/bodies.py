"""What a request may say, as pydantic models: nothing is guessed, and what is unknown is refused."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# Models, dropped writes, forbidden erasures in one request.
MOST_MODELS, MOST_CHANGES = 16, 2000


def _is_text(text: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("half of a surrogate pair is no character")
    return text


Text = Annotated[str, AfterValidator(_is_text)]
Name = Annotated[str, Field(max_length=256), AfterValidator(_is_text)]
Place = Annotated[int, Field(ge=0, le=10_000_000)]
Names = Annotated[list[Name], Field(min_length=1, max_length=MOST_MODELS)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Asked(_Body):
    """A text and what is asked about it."""

    text: Text
    question: Text


class ReadBody(Asked):
    """By several models, side by side."""

    models: Names


class OneBody(Asked):
    """By one model."""

    model: Name


class LayerBody(OneBody):
    """One layer and direction; one of its units, or all."""

    layer: Annotated[int, Field(ge=-1000, le=1000)] = -1
    reverse: bool = False
    unit: Place | None = None


class TokenBody(LayerBody):
    """And one token."""

    token: Place


class WhatIfBody(OneBody):
    """Tokens whose writes are dropped, and tokens at which nothing is erased."""

    drop: Annotated[list[Place], Field(max_length=MOST_CHANGES)] = []
    keep: Annotated[list[Place], Field(max_length=MOST_CHANGES)] = []


class LengthenBody(ReadBody):
    """The same text, made longer step by step, to so many characters."""

    language: Literal["zh", "en"]
    steps: Annotated[int, Field(ge=1, le=32)] = 16
    to: Annotated[int, Field(ge=1, le=10_000)] = 1000


class GradientBody(_Body):
    """Networks with another bias and other recurrent weights; lags in tokens."""

    models: Names
    forget_bias: Annotated[float, Field(ge=-10, le=10)] = 0.0
    recurrent_scale: Annotated[float, Field(ge=0, le=8)] = 1.0
    lags: Annotated[int, Field(ge=1, le=500)] = 200
