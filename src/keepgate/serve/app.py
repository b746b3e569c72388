"""The page's routes, each a few lines: what was asked → a reading → plain values."""

import json
import mimetypes
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ..data.questions import Question
from ..demo.stories import pirate_king_story, stories
from ..errors import KeepgateError, SettingsError
from . import gradients, lengthen, replies
from .bodies import (
    GradientBody,
    LayerBody,
    LengthenBody,
    OneBody,
    ReadBody,
    TokenBody,
    WhatIfBody,
)
from .guard import Address, Guard
from .limits import Limits, Refusal, bad_request
from .models import Model, Models
from .readings import Readings
from .work import Deadline, Work

STATIC = Path(__file__).parent / "static"


class Json(Response):
    """Plain values as JSON, in UTF-8, without NaN."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def application(models: Models, address: Address, limits: Limits | None = None) -> ASGIApp:
    """The whole server, behind its guard."""
    limits = limits or Limits()
    work = Work(limits)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        work.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=life, default_response_class=Json)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _misshapen)
    app.add_exception_handler(HTTPException, _not_there)
    app.add_exception_handler(KeepgateError, _wrong)
    app.add_exception_handler(Exception, _broken)
    _add_routes(app, models, Readings(limits.cache), work, limits)
    # A machine may know .js by another name, and a browser told not to sniff would not run it.
    for ending, kind in ((".js", "text/javascript"), (".css", "text/css"), (".json", "application/json")):
        mimetypes.add_type(kind, ending)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return Guard(app, address=address, limits=limits)


def _add_routes(app: FastAPI, models: Models, readings: Readings, work: Work, limits: Limits) -> None:
    def reading(body: OneBody) -> Any:
        return readings.of(models[body.model], replies.checked(body.text, body.question, limits.tokens))

    async def do(request: Request, job: Callable[[Deadline], replies.Plain]) -> Json:
        return Json(await work.do(job, lambda: _gone(request)))

    @app.get("/api/models")
    async def listed() -> Json:
        return Json(
            {
                "models": [model.as_dict() for model in models],
                "limits": {"tokens": limits.tokens, "bytes": limits.body},
            }
        )

    @app.get("/api/story")
    async def story(
        request: Request, language: Literal["zh", "en"] = "zh", length: int = 300, seed: int = 0
    ) -> Json:
        if not 1 <= length <= 10_000 or not 0 <= seed < 2**32:
            raise bad_request(
                f"length is {length} and seed {seed}; give 1 to 10,000 characters, and 0 or more"
            )
        return await do(request, lambda _: _story(language, length, seed))

    @app.post("/api/read")
    async def read(request: Request, body: ReadBody) -> Json:
        asked = [models[name] for name in dict.fromkeys(body.models)]

        def read_by(model: Model, question: Question) -> replies.Plain:
            try:
                found = replies.reading_of(model.task, readings.of(model, question))
            except KeepgateError as fault:
                return {"model": model.id, "error": Refusal(422, "cannot_read", str(fault)).as_dict()}
            return {"model": model.id, **found, "error": None}

        def side_by_side(deadline: Deadline) -> replies.Plain:
            question = replies.checked(body.text, body.question, limits.tokens)
            return {
                "readings": [read_by(model, question) for model in deadline.between(asked)],
                "expected": lengthen.expected_of(question),
            }

        return await do(request, side_by_side)

    @app.post("/api/token")
    async def token(request: Request, body: TokenBody) -> Json:
        return await do(
            request,
            lambda _: replies.token_of(reading(body), body.token, body.layer, body.reverse, body.unit),
        )

    @app.post("/api/answer")
    async def answer(request: Request, body: OneBody) -> Json:
        return await do(request, lambda _: replies.support_of(reading(body)))

    @app.post("/api/what-if")
    async def what_if(request: Request, body: WhatIfBody) -> Json:
        return await do(request, lambda _: replies.what_if_of(reading(body), body.drop, body.keep))

    @app.post("/api/values")
    async def values(request: Request, body: LayerBody) -> Json:
        return await do(
            request, lambda _: replies.values_of(reading(body), body.layer, body.reverse, body.unit)
        )

    @app.post("/api/lengthen")
    async def longer(request: Request, body: LengthenBody) -> Json:
        asked = [models[name] for name in dict.fromkeys(body.models)]

        def answered(deadline: Deadline) -> replies.Plain:
            question = replies.checked(body.text, body.question, limits.tokens)
            return lengthen.lengthened(
                deadline.between(asked), question, language=body.language, steps=body.steps, to=body.to
            )

        return await do(request, answered)

    @app.post("/api/gradient")
    async def gradient(request: Request, body: GradientBody) -> Json:
        asked = [models[name] for name in dict.fromkeys(body.models)]
        return await do(
            request,
            lambda deadline: gradients.lines(
                deadline.between(asked),
                forget_bias=body.forget_bias,
                recurrent_scale=body.recurrent_scale,
                lags=body.lags,
            ),
        )

    @app.api_route("/api/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
    async def unknown(rest: str) -> Json:
        raise Refusal(404, "not_found", f"there is nothing at /api/{rest}", {"path": rest})


def _story(language: Literal["zh", "en"], length: int, seed: int) -> replies.Plain:
    """A story with its question; the article's own for seed 0. In Chinese the question's mark is one that is typed."""
    try:
        told = (
            pirate_king_story(length, language=language)
            if seed == 0
            else stories(1, length, seed=seed, split="test", language=language)[0]
        )
    except SettingsError as fault:
        raise bad_request(str(fault), {"length": length}) from fault
    question = told.question.replace("?", "？") if language == "zh" else told.question
    return {"text": told.text, "question": question, "answer": told.answers[0]}


async def _gone(request: Request) -> None:
    """Returns when who asked has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    headers = {"Retry-After": "1"} if refusal.status == 429 else None
    return Json(refusal.as_dict(), status_code=refusal.status, headers=headers)


async def _misshapen(_: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)
    first = fault.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Json(bad_request(f"{where}: {first['msg']}").as_dict(), status_code=422)


async def _not_there(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    code = {404: "not_found", 405: "wrong_method", 400: "bad_request"}.get(fault.status_code, "bad_request")
    status = 422 if fault.status_code == 400 else fault.status_code
    said = f"{request.method} {request.url.path}: {fault.detail}"
    return Json(Refusal(status, code, said).as_dict(), status_code=status, headers=fault.headers)


async def _wrong(_: Request, fault: Exception) -> Response:
    return Json(bad_request(str(fault)).as_dict(), status_code=422)


async def _broken(_: Request, fault: Exception) -> Response:
    said = f"this is a bug in keepgate ({type(fault).__name__}); the terminal that serves the page says more"
    return Json(Refusal(500, "bug", said).as_dict(), status_code=500)
