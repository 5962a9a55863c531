"""What a request passes before anything is done for it.

*DNS rebinding*: a page of anybody's gives its own name a second address, 127.0.0.1, and then reads this
server as if it were its own, through the browser of whoever looks at it. The browser still says the name in
the Host header. A number cannot be rebound, so numbers pass, and of names those that a person gave or
this machine has.

*Forged requests*: a page of anybody's may also send a frame here, whose answer it cannot read. The browser
says in the Origin header whose page it is, and what changes or computes something is refused to others.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from thermodepth.errors import SettingsError
from thermodepth.serve.limits import Crowd, Limits, Rates
from thermodepth.serve.refusals import RefusedError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Below it work is done, which is counted; health, samples' names and the page are not.
WORK = ("/api/v1/depth", "/api/v1/recordings")
#: No name of a machine is longer.
MAX_HOST_LETTERS = 255 + len(":65535")
_READING = ("GET", "HEAD", "OPTIONS")
_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def own_names(host: str, more: Collection[str] = ()) -> frozenset[str]:
    """Names by which this server may be asked, in small letters, besides all numbers.

    Args:
        host: what it serves on.
        more: names that a person adds, such as that of a proxy before it.

    Raises:
        SettingsError: for a name with anything but letters, digits, dots and dashes.
    """
    for name in more:
        if not name or not all(letter.isalnum() or letter in ".-" for letter in name):
            raise SettingsError(
                f"--allow-host {name}: expected a name such as depth.example, without port or path"
            )
    machine = socket.gethostname().lower()
    names = {"localhost", machine, machine.partition(".")[0], host.lower()}
    return frozenset({*names, *(name.lower() for name in more)} - {""})


def is_own(header: str, names: Collection[str]) -> bool:
    """Whether a Host header (`name`, `name:port`, `1.2.3.4:port`, `[::1]:port`) means this server."""
    if not header or len(header) > MAX_HOST_LETTERS:
        return False
    if header.startswith("["):
        name, closed, suffix = header[1:].partition("]")
        port = suffix.removeprefix(":")
        if not closed or (suffix and suffix == port):
            return False
    else:
        name, _, port = header.partition(":")
    if port and not (port.isascii() and port.isdecimal()):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.lower().removesuffix(".") in names
    return True


def is_own_page(origin: str, host: str, proxied: Collection[str]) -> bool:
    """Whether a page of this origin (`http://depth.example:8000`) is this server's own.

    Args:
        origin: the Origin header.
        host: the Host header of the same request.
        proxied: names that a person added; the page of a proxy has one of them, whatever the Host is.
    """
    scheme, _, place = origin.partition("://")
    if scheme not in ("http", "https") or not place:
        return False
    if place.lower() == host.lower():
        return True
    return place.partition(":")[0].lower() in {name.lower() for name in proxied}


class Gate:
    """An application around another one (ASGI), which refuses what is not meant for it, or is too much."""

    def __init__(
        self,
        app: Application,
        *,
        names: Collection[str],
        limits: Limits,
        proxied: Collection[str] = (),
    ) -> None:
        """
        Args:
            app: what is behind it.
            names: of `own_names`.
            limits: of requests.
            proxied: of the names those that a person added.
        """
        self._app = app
        self._names = names
        self._proxied = proxied
        self._rates = Rates(limits.requests_per_minute)
        self._crowd = Crowd(limits.at_once)
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; whatever else a server sends passes."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send)
        try:
            self._check_names(scope)
            if not str(scope["path"]).startswith(WORK):
                await self._app(scope, receive, reply.send)
                return
            self._rates.take((scope.get("client") or ("",))[0])
            with self._crowd:
                async with asyncio.timeout(self._limits.request_s):
                    await self._app(scope, receive, reply.send)
        except RefusedError as refusal:
            await reply.refuse(refusal)
        except TimeoutError:
            text = f"took more than {self._limits.request_s:g} s; send it again, or less of it"
            await reply.refuse(RefusedError(408, text))

    def _check_names(self, scope: Scope) -> None:
        """
        Raises:
            RefusedError: 421 for another host, 403 for another page.
        """
        hosts, origins = (_values(scope, name) for name in (b"host", b"origin"))
        if len(hosts) != 1 or not is_own(hosts[0], self._names):
            raise RefusedError(
                421,
                "this server is not called so: ask it by its address, or start it with --allow-host NAME",
            )
        if scope["method"] in _READING:
            return
        if not all(is_own_page(origin, hosts[0], self._proxied) for origin in origins):
            raise RefusedError(403, "sent by a page of another site, which may not use this server")


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


class _Reply:
    """What is sent, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
        await self._send(message)

    async def refuse(self, refusal: RefusedError) -> None:
        if self._has_begun:  # the connection ends within the answer, which says enough
            return
        body, headers = refusal_bytes(refusal), refusal.headers
        await self.send(
            {
                "type": "http.response.start",
                "status": refusal.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                    (b"connection", b"close"),  # of an upload that is not read to its end
                    *((key.lower().encode(), value.encode()) for key, value in headers.items()),
                ],
            }
        )
        await self.send({"type": "http.response.body", "body": body})


def refusal_bytes(refusal: RefusedError) -> bytes:
    """`{"error": ...}`."""
    content: Mapping[str, str] = {"error": str(refusal)}
    return json.dumps(content).encode()
