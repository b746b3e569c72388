"""The routes of the page for series: a request → a reading of a window, or an experiment with it → JSON."""

from collections.abc import Callable
from contextlib import nullcontext

from fastapi import APIRouter, Request

from ..lens.readers import Reading
from . import serialize
from .routes import Json, service_of
from .series.model import SeriesModel
from .series.request_models import WindowChangesRequest, WindowLayerRequest, WindowRequest, WindowStepRequest
from .worker_pool import Deadline

router = APIRouter(prefix="/api/series")

Work = Callable[[SeriesModel, Reading], serialize.JsonObject]


async def _on_reading(request: Request, body: WindowRequest, work: Work, *, runs: bool = True) -> Json:
    """The result of work on the reading of a window.

    runs: whether the work runs the network, which for each model only one request does at a time.
    """
    service = service_of(request)
    model = service.models.of_series(body.model)

    def answered(deadline: Deadline) -> serialize.JsonObject:
        def read_window() -> Reading:
            with model.lock:
                deadline.check()
                return model.reading(body, service.limits.tokens)

        reading = service.cache.kept(("series", *body.key), read_window)
        with model.lock if runs else nullcontext():
            deadline.check()
            return work(model, reading)

    return await service.run(request, answered)


@router.get("/models")
async def models(request: Request) -> Json:
    """The served models of series."""
    return Json({"models": [model.network for model in service_of(request).models.series.values()]})


@router.post("/read")
async def read(request: Request, body: WindowRequest) -> Json:
    """The answer, the values and the gates of one window, and the series of its table to choose from."""

    def drawn(model: SeriesModel, reading: Reading) -> serialize.JsonObject:
        return {
            "model": model.id,
            **serialize.reading_json(model.task, reading),
            **model.drawn(reading, model.chosen(body)),
            "list": model.listed(body),
            "series": body.series,
            "error": None,
        }

    return await _on_reading(request, body, drawn)


@router.post("/answer")
async def answer(request: Request, body: WindowRequest) -> Json:
    """What the answer rests on."""
    return await _on_reading(request, body, lambda model, reading: model.rests_on(reading))


@router.post("/token")
async def token(request: Request, body: WindowStepRequest) -> Json:
    """The retention of one step's write."""
    where = (body.token, body.layer, body.reverse, body.unit)
    return await _on_reading(
        request, body, lambda _, reading: serialize.token_json(reading, *where), runs=False
    )


@router.post("/what-if")
async def what_if(request: Request, body: WindowChangesRequest) -> Json:
    """The answer under interventions."""
    changes = (body.remove, body.drop, body.keep)
    return await _on_reading(
        request, body,
        lambda model, reading: serialize.what_if_json(reading, *changes, model.before_changes(reading)),
    )  # fmt: skip


@router.post("/values")
async def values(request: Request, body: WindowLayerRequest) -> Json:
    """Every gate and state over time."""
    where = (body.layer, body.reverse, body.unit)
    return await _on_reading(
        request, body, lambda _, reading: serialize.values_json(reading, *where), runs=False
    )
