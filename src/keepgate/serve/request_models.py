"""Request bodies as pydantic models: strict, without unknown fields; and the check of a question's length."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..data.questions import Question
from ..data.text import words
from .limits import RequestError

# Models, and tokens of each kind of change, in one request.
MAX_MODELS, MAX_INTERVENTIONS = 16, 2000


def _check_text(text: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("half of a surrogate pair is no character")
    return text


Text = Annotated[str, AfterValidator(_check_text)]
ModelId = Annotated[str, Field(max_length=256), AfterValidator(_check_text)]
Index = Annotated[int, Field(ge=0, le=10_000_000)]
ModelIds = Annotated[list[ModelId], Field(min_length=1, max_length=MAX_MODELS)]


class Body(BaseModel):
    """Strict, without unknown fields."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class QuestionRequest(Body):
    """A text and what is asked about it."""

    text: Text
    question: Text


class ReadRequest(QuestionRequest):
    """For several models, side by side."""

    models: ModelIds


class ModelRequest(QuestionRequest):
    """For one model."""

    model: ModelId


class Place(Body):
    """One layer and direction; one of its units, or all."""

    layer: Annotated[int, Field(ge=-1000, le=1000)] = -1
    reverse: bool = False
    unit: Index | None = None


class Changes(Body):
    """Tokens that are removed whole, tokens whose writes alone are ablated, tokens at which nothing may be erased."""

    remove: Annotated[list[Index], Field(max_length=MAX_INTERVENTIONS)] = []
    drop: Annotated[list[Index], Field(max_length=MAX_INTERVENTIONS)] = []
    keep: Annotated[list[Index], Field(max_length=MAX_INTERVENTIONS)] = []


class LayerRequest(ModelRequest, Place):
    """One layer and direction of a reading."""


class TokenRequest(LayerRequest):
    """One token of a layer and direction."""

    token: Index


class WhatIfRequest(ModelRequest, Changes):
    """A reading with some changes."""


class LengthenRequest(ReadRequest):
    """The same text, lengthened step by step to so many characters."""

    language: Literal["zh", "en"]
    steps: Annotated[int, Field(ge=1, le=32)] = 16
    to: Annotated[int, Field(ge=1, le=10_000)] = 1000


class GradientRequest(Body):
    """Models with another bias and scaled recurrent weights; lags in tokens."""

    models: ModelIds
    forget_bias: Annotated[float, Field(ge=-10, le=10)] = 0.0
    recurrent_scale: Annotated[float, Field(ge=0, le=8)] = 1.0
    lags: Annotated[int, Field(ge=1, le=500)] = 200


def checked_question(text: str, question: str, max_tokens: int) -> Question:
    """The question about the text. Raises RequestError if either has no token, or both have too many."""
    counts = {"text": len(words(text)), "question": len(words(question))}
    for name, count in counts.items():
        if not count:
            raise RequestError(422, "empty", f"the {name} is empty; give one with something in it", what=name)
    tokens = sum(counts.values())
    if tokens > max_tokens:
        raise RequestError(
            422,
            "too_long",
            f"text and question have {tokens:,} tokens, and at most {max_tokens:,} are read here; give a shorter text",
            tokens=tokens,
            limit=max_tokens,
        )
    return Question(text=text, question=question)
