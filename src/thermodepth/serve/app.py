"""What is served: the routes and the page behind the gate, on one socket, until the process is stopped."""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.errors import DependencyError, SettingsError, UserError, WeightsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from thermodepth.inference.frame_predictor import FramePredictor
    from thermodepth.serve.api import Service
    from thermodepth.serve.gate import Gate
    from thermodepth.serve.limits import Limits

PACKAGES = ("fastapi", "uvicorn")
LOG = logging.getLogger("thermodepth.serve")
#: Connections that are open, whatever they ask; uvicorn answers 503 to more.
MOST_CONNECTIONS = 1000


def require_packages() -> None:
    """
    Raises:
        DependencyError: when something that serves is not installed.
    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise DependencyError(
                f"the server needs {package}, which is not installed: pip install 'thermodepth[serve]'"
            )


def open_service(predictor: FramePredictor, limits: Limits, folder: Path) -> Service:
    """What the routes share.

    Args:
        predictor: the model.
        limits: of uploads and requests.
        folder: an empty one, private to this server.
    """
    from thermodepth.serve.api import Service
    from thermodepth.serve.decoding import Decoders
    from thermodepth.serve.recordings import Recordings
    from thermodepth.serve.samples import write_samples

    recordings = Recordings(folder, limits)
    samples = write_samples(folder)
    for sample in samples:
        recordings.keep_sample(sample.recording)
    return Service(
        predictor=predictor,
        recordings=recordings,
        decoders=Decoders(limits),
        samples=samples,
        limits=limits,
        folder=folder,
    )


def build_app(service: Service, *, names: Collection[str], proxied: Collection[str] = ()) -> Gate:
    """The application, behind its gate.

    Args:
        service: of `open_service`.
        names: of `gate.own_names`.
        proxied: of these those that a person added.
    """
    from fastapi import FastAPI

    import thermodepth
    from thermodepth.serve.api import routes
    from thermodepth.serve.gate import Gate

    app = FastAPI(
        title="thermodepth",
        version=thermodepth.__version__,
        description='Depth of thermal frames. Every refusal is `{"error": ...}`.',
        docs_url=None,  # Swagger's page loads its script from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    app.include_router(routes(service))
    _add_page(app)
    _add_refusals(app)
    return Gate(app, names=names, limits=service.limits, proxied=proxied)


def _add_page(app: FastAPI) -> None:
    from fastapi import Request, Response

    from thermodepth.serve.assets import INDEX, page_assets
    from thermodepth.serve.refusals import RefusedError

    assets = page_assets()

    def file(request: Request, name: str) -> Response:
        asset = assets.get(name)
        if asset is None:
            raise RefusedError(404, "no such file")
        headers = {"ETag": asset.etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    # `from __future__ import annotations` would leave FastAPI names that only this function knows.
    async def index(request: Any) -> Response:
        return file(request, INDEX)

    async def page_file(request: Any) -> Response:
        return file(request, request.path_params["name"])

    app.add_route("/", index, methods=["GET"])
    app.add_route("/page/{name}", page_file, methods=["GET"])


def _add_refusals(app: FastAPI) -> None:
    """Every way in which a request can fail is a sentence in JSON."""
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    from thermodepth.serve.refusals import RefusedError, shortened

    def reply(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"error": shortened(text)}, status_code=status, headers=headers)

    async def refused(_: Any, error: Any) -> JSONResponse:
        if isinstance(error, RefusedError):
            return reply(error.status, str(error), error.headers)
        if isinstance(error, WeightsError):
            LOG.error("%s", shortened(str(error)))
            return reply(500, str(error))
        return reply(422, str(error))

    async def wrong_setting(_: Any, error: Any) -> JSONResponse:
        return reply(400, str(error))

    async def wrong_parameter(_: Any, error: Any) -> JSONResponse:
        mistakes = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()[:5]]
        return reply(400, "; ".join(mistakes))

    async def http(_: Any, error: Any) -> JSONResponse:
        return reply(error.status_code, str(error.detail), error.headers)

    async def ours(_: Any, error: Any) -> JSONResponse:
        LOG.error("a mistake of ours: %s", shortened(repr(error)))
        return reply(500, "a mistake of this server, which is in its log")

    app.add_exception_handler(UserError, refused)
    app.add_exception_handler(SettingsError, wrong_setting)
    app.add_exception_handler(RequestValidationError, wrong_parameter)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, ours)


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that listens on this address.

    Raises:
        SettingsError: for an address that cannot be served.
    """
    name = host.strip("[]")
    opened: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(2048)  # whoever comes before the server is ready waits
    except (OSError, UnicodeError, OverflowError):
        if opened is not None:
            opened.close()
        raise SettingsError(
            f"--host {host} --port {port}: cannot be served; the port is taken or not allowed, or the "
            "address is not this machine's"
        ) from None
    return opened


def address_of(host: str, bound: socket.socket) -> str:
    """The address that a person types."""
    name = host.strip("[]")
    typed = f"[{name}]" if ":" in name else name
    return f"http://{typed}:{bound.getsockname()[1]}/"


def run(app: Any, bound: socket.socket, *, proxy: str = "") -> None:
    """Answer until the process is interrupted.

    Args:
        app: of `build_app`.
        bound: of `bound_socket`.
        proxy: an address whose word on where a request came from is taken (X-Forwarded-For); empty: nobody's.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws="none",
        lifespan="off",
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy or None,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
        server_header=False,
    )
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[bound])
