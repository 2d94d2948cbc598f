"""The HTTP application around a trained model."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from importlib import metadata, resources
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from cnnkit.deploy.serve import answers
from cnnkit.deploy.serve.bodies import FORM
from cnnkit.deploy.serve.metrics import CONTENT_TYPE, CountedRequests
from cnnkit.deploy.serve.service import Service

HOSTS = ("127.0.0.1", "localhost")  # a web page cannot reach the server by a name of its own
PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src blob: data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
FILE = {"type": "string", "format": "binary"}
FILES = {
    "type": "object",
    "required": ["files"],
    "properties": {"files": {"type": "array", "items": FILE, "minItems": 1}},
}
BODY = {
    "required": True,
    "content": {FORM: {"schema": FILES}, "application/octet-stream": {"schema": FILE}},
}
READING = "Files are recognised by their bytes; their names and content types do not matter."
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.Refusal, "description": reason}
    for status, reason in {
        400: "The body cannot be read.",
        408: "The body did not arrive in time.",
        413: "The body is too large.",
        422: "A file cannot be decoded, or `top` is no positive number.",
        500: "The model failed.",
        503: "Too much to do; try again after the seconds in Retry-After.",
    }.items()
}


def create_app(service: Service, hosts: Sequence[str] = HOSTS) -> FastAPI:
    """Return the HTTP application.

    Args:
        service: Answers requests for predictions.
        hosts: Host names that requests may name.

    Returns:
        The application. It serves a page to drop files on at /, and its documents at /docs.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    app = FastAPIOffline(  # Swagger UI from this machine: FastAPI's own page asks a server for it
        redoc_url=None,
        title=f"cnnkit serve: {service.trained.name}",
        version=metadata.version("cnnkit"),
        lifespan=lifespan,
        exception_handlers={
            HTTPException: _refusal,
            RequestValidationError: _invalid,
        },
    )
    _add_routes(app, service)
    paths = frozenset(getattr(route, "path", "other") for route in app.routes)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(CountedRequests, metrics=service.metrics, paths=paths)
    return app


def _add_routes(app: FastAPI, service: Service) -> None:
    kind = service.trained.inputs.kind
    page = resources.files(__package__).joinpath("page.html").read_text("utf-8")

    @app.post(
        "/predict",
        summary=f"Classify a {kind}, or several",
        description=f"Send the bytes of one {kind} as the body, or several files as a form. {READING}",
        responses=REFUSALS,
        openapi_extra={"requestBody": BODY},
    )
    async def predict(
        request: Request,
        top: Annotated[int, Query(ge=1, description="Classes to name for each file.")] = 5,
    ) -> answers.Predictions:
        return await service.predict(request, top)

    @app.get("/health")
    async def health() -> answers.Health:
        """Say that the server answers."""
        return service.health()

    @app.get("/model")
    async def model() -> answers.Model:
        """Describe the model, its classes and the limits."""
        return service.model()

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Return counts and times in Prometheus' text form."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    @app.get("/", include_in_schema=False)
    async def drop_page() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY})


async def _refusal(request: Request, error: HTTPException) -> JSONResponse:
    """Answer an HTTPException with one sentence."""
    sentence = error.detail
    if error.status_code == 404:
        sentence = f"There is nothing at {request.url.path}; /docs lists what there is."
    elif error.status_code == 405:
        sentence = f"{request.url.path} does not take {request.method}; /docs says what it takes."
    return JSONResponse({"detail": sentence}, error.status_code, error.headers)


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer a setting of the address that is not allowed with one sentence."""
    first = error.errors()[0]
    setting, reason = first["loc"][-1], first["msg"].lower()
    return JSONResponse({"detail": f"{setting}: {reason}, not {first['input']!r}."}, 422)
