"""The page's routes: a request → a reading or an experiment → JSON."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from ..data.questions import Question
from ..demo.stories import pirate_king_story, stories
from ..errors import KeepgateError, SettingsError
from ..lens.readers import Reading
from . import gradients, lengthen, serialize
from .fullwidth import typed_question
from .limits import Limits, RequestError, bad_request
from .models import Model, Models
from .reading_cache import ReadingCache
from .request_models import (
    GradientRequest,
    LayerRequest,
    LengthenRequest,
    ModelRequest,
    ReadRequest,
    TokenRequest,
    WhatIfRequest,
    checked_question,
)
from .worker_pool import Deadline, WorkerPool

router = APIRouter(prefix="/api")


class Json(Response):
    """A response of plain values as JSON, in UTF-8, without NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the routes share: the models, their cached readings, the workers, and the limits of a request."""

    models: Models
    cache: ReadingCache
    pool: WorkerPool
    limits: Limits

    def question(self, text: str, question: str) -> Question:
        """A question within the limits. Raises RequestError."""
        return checked_question(text, question, self.limits.tokens)

    def reading(self, body: ModelRequest) -> Reading:
        """One model's reading of the text and question of a request."""
        return self.cache.get(self.models[body.model], self.question(body.text, body.question))

    def named(self, ids: Iterable[str]) -> list[Model]:
        """The models of these ids, each once. Raises RequestError for an unknown one."""
        return [self.models[name] for name in dict.fromkeys(ids)]

    async def run(self, request: Request, work: Callable[[Deadline], serialize.JsonObject]) -> Json:
        """The result of work that a worker does, unless the client disconnects first."""
        return Json(await self.pool.run(work, lambda: _disconnected(request)))


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@router.get("/models")
async def models(request: Request) -> Json:
    """The served models and the limits of a request."""
    service = service_of(request)
    limits = {"tokens": service.limits.tokens, "bytes": service.limits.body}
    return Json({"models": [model.as_dict() for model in service.models], "limits": limits})


@router.get("/story")
async def story(
    request: Request, language: Literal["zh", "en"] = "zh", length: int = 300, seed: int = 0
) -> Json:
    """An example: a story with its question and answer; the pirate king's for seed 0."""
    if not 1 <= length <= 10_000 or not 0 <= seed < 2**32:
        raise bad_request(f"length is {length} and seed {seed}; give 1 to 10,000 characters, and 0 or more")
    return await service_of(request).run(request, lambda _: _story(language, length, seed))


def _story(language: Literal["zh", "en"], length: int, seed: int) -> serialize.JsonObject:
    try:
        example = (
            pirate_king_story(length, language=language)
            if seed == 0
            else stories(1, length, seed=seed, split="test", language=language)[0]
        )
    except SettingsError as fault:
        raise bad_request(str(fault), length=length) from fault
    question = typed_question(example.question, language)
    return {"text": example.text, "question": question, "answer": example.answers[0]}


@router.post("/read")
async def read(request: Request, body: ReadRequest) -> Json:
    """The answers and gates of several models, side by side."""
    service = service_of(request)
    models = service.named(body.models)

    def side_by_side(deadline: Deadline) -> serialize.JsonObject:
        question = service.question(body.text, body.question)
        return {
            "readings": [_read_by(service, model, question) for model in deadline.each(models)],
            "expected": lengthen.expected_of(question),
        }

    return await service.run(request, side_by_side)


def _read_by(service: Service, model: Model, question: Question) -> serialize.JsonObject:
    try:
        reading = serialize.reading_json(model.task, service.cache.get(model, question))
    except KeepgateError as fault:
        return {"model": model.id, "error": RequestError(422, "cannot_read", str(fault)).as_dict()}
    return {"model": model.id, **reading, "error": None}


@router.post("/token")
async def token(request: Request, body: TokenRequest) -> Json:
    """The retention of one token's write."""
    service = service_of(request)
    where = (body.token, body.layer, body.reverse, body.unit)
    return await service.run(request, lambda _: serialize.token_json(service.reading(body), *where))


@router.post("/answer")
async def answer(request: Request, body: ModelRequest) -> Json:
    """The origin of the answer, by leave-one-out."""
    service = service_of(request)
    return await service.run(request, lambda _: serialize.origin_json(service.reading(body)))


@router.post("/what-if")
async def what_if(request: Request, body: WhatIfRequest) -> Json:
    """The answer under interventions."""
    service = service_of(request)
    return await service.run(
        request, lambda _: serialize.what_if_json(service.reading(body), body.remove, body.drop, body.keep)
    )


@router.post("/values")
async def values(request: Request, body: LayerRequest) -> Json:
    """Every gate and state over time."""
    service = service_of(request)
    where = (body.layer, body.reverse, body.unit)
    return await service.run(request, lambda _: serialize.values_json(service.reading(body), *where))


@router.post("/lengthen")
async def longer(request: Request, body: LengthenRequest) -> Json:
    """The answers of several models as the story grows."""
    service = service_of(request)
    models = service.named(body.models)

    def answered(deadline: Deadline) -> serialize.JsonObject:
        question = service.question(body.text, body.question)
        return lengthen.lengthened(
            deadline.each(models), question, language=body.language, steps=body.steps, to=body.to
        )

    return await service.run(request, answered)


@router.post("/gradient")
async def gradient(request: Request, body: GradientRequest) -> Json:
    """Gradient against lag of several models under another bias and scaled recurrent weights."""
    service = service_of(request)
    models = service.named(body.models)
    return await service.run(
        request,
        lambda deadline: gradients.lines(
            deadline.each(models), forget_bias=body.forget_bias, recurrent_scale=body.recurrent_scale, lags=body.lags
        ),
    )  # fmt: skip


@router.api_route("/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def unknown(rest: str) -> Json:
    """Any other path."""
    raise RequestError(404, "not_found", f"there is nothing at /api/{rest}", path=rest)
