"""The ASGI application: routes, static files and error responses, behind the guard."""

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ..errors import KeepgateError
from . import STATIC
from .guard import Address, Guard
from .limits import Limits, RequestError, bad_request
from .models import Models
from .reading_cache import ReadingCache
from .routes import Json, Service, router
from .series_routes import router as series_router
from .worker_pool import WorkerPool


def application(models: Models, address: Address, limits: Limits | None = None) -> ASGIApp:
    """The whole server, behind its guard."""
    limits = limits or Limits()
    pool = WorkerPool(limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        pool.close()

    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan, default_response_class=Json
    )
    app.state.service = Service(models=models, cache=ReadingCache(limits.cache), pool=pool, limits=limits)
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(KeepgateError, _keepgate_error)
    app.add_exception_handler(Exception, _bug)
    # Before the others, of which the last one takes any path.
    app.include_router(series_router)
    app.include_router(router)
    if models.own_are_series:
        app.add_route("/", _to_series)
    # A machine may know .js by another type, and a browser told not to sniff would not run it.
    for ending, kind in ((".js", "text/javascript"), (".css", "text/css"), (".json", "application/json")):
        mimetypes.add_type(kind, ending)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return Guard(app, address=address, limits=limits)


async def _to_series(_: Request) -> Response:
    return RedirectResponse("series/")


async def _request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    headers = {"Retry-After": "1"} if error.status == 429 else None
    return Json(error.as_dict(), status_code=error.status, headers=headers)


async def _invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Json(bad_request(f"{where}: {first['msg']}").as_dict(), status_code=422)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "bad_request")
    status = 422 if error.status_code == 400 else error.status_code
    message = f"{request.method} {request.url.path}: {error.detail}"
    return Json(RequestError(status, code, message).as_dict(), status_code=status, headers=error.headers)


async def _keepgate_error(_: Request, error: Exception) -> Response:
    return Json(bad_request(str(error)).as_dict(), status_code=422)


async def _bug(_: Request, error: Exception) -> Response:
    message = (
        f"this is a bug in keepgate ({type(error).__name__}); the terminal that serves the page says more"
    )
    return Json(RequestError(500, "bug", message).as_dict(), status_code=500)
