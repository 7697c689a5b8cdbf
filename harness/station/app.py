"""The station as a web application: one page, its events, and the files it links to. GET only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from importlib.resources import files
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.station.board import Board
from harness.station.shown_files import shown_file

__all__ = ["make_app"]

_POLICY = "Content-Security-Policy"
_WHO_EMBEDS = "Cross-Origin-Resource-Policy"
#: The page: its own style and script, and nothing that is written into it.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: A file of a run: reports carry their style and script within. As a sandbox it is of no origin, so
#: whatever a phone got written into it can ask the station for nothing.
_FILE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-downloads allow-popups"
)
_HEADERS = {
    _POLICY: _PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    _WHO_EMBEDS: "same-origin",
    # What is shown grows; nobody shall see the state of an hour ago.
    "Cache-Control": "no-store",
}
_OWN = {
    "/": ("station.html.j2", "text/html"),
    "/station.css": ("station.css", "text/css"),
    "/station.js": ("station.js", "text/javascript"),
}


class _Headers:
    """Give every answer, also a refusal, the headers that it does not set itself."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = {k.lower().encode(): v.encode() for k, v in headers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                there = {name.lower() for name, _ in given}
                given += [(name, v) for name, v in self._headers.items() if name not in there]
                message = {**message, "headers": given}
            await send(message)

        await self._app(scope, receive, with_headers)


def make_app(
    board: Board,
    runs: Path,
    *,
    hosts: Collection[str],
    known: AbstractSet[str] = frozenset(),
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Return the application.

    Args:
        board: what the page shows.
        runs: the folder of the runs.
        hosts: the names it may be asked for by: a page elsewhere can lead a browser here by a name
            of its own that resolves to this address (DNS rebinding), but only under that name.
        known: secrets besides those that a run's own files tell.
        lifespan: what goes on while it serves.
    """
    own = files("harness.station")

    async def events(_request: Request) -> Response:
        return StreamingResponse(board.stream(), media_type="text/event-stream")

    # Not async: Starlette runs it on a thread of its own, for it reads and cleans whole files.
    def file(request: Request) -> Response:
        shown = shown_file(runs, request.path_params["path"], known)
        if shown is None:
            return PlainTextResponse("There is no such report or evidence.\n", status_code=404)
        headers = {_POLICY: _FILE_POLICY}
        if shown.media_type.startswith("image/"):
            # A report in its sandbox is a stranger to its own pictures.
            headers[_WHO_EMBEDS] = "cross-origin"
        return Response(shown.content, media_type=shown.media_type, headers=headers)

    def icon(_request: Request) -> Response:
        # Browsers ask for one beside every text and picture; there is none, which is no error.
        return Response(status_code=204, headers={_WHO_EMBEDS: "cross-origin"})

    def asset(name: str, media_type: str) -> Callable[[Request], Response]:
        content = (own / name).read_bytes()
        return lambda _request: Response(content, media_type=media_type)

    return Starlette(
        routes=[
            *(Route(path, asset(*what), methods=["GET"]) for path, what in _OWN.items()),
            Route("/favicon.ico", icon, methods=["GET"]),
            Route("/events", events, methods=["GET"]),
            Route("/runs/{path:path}", file, methods=["GET"]),
        ],
        middleware=[
            Middleware(_Headers, headers=_HEADERS),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        ],
        lifespan=lifespan,
    )
