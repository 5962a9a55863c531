"""What a request passes before the page sees it: is it meant for this server, does it only ask for health?

*DNS rebinding*: a page of anybody's gives its own name a second address, 127.0.0.1, and then reads this
server as if it were its own, through the browser of whoever looks at it. The browser still says the name in
the Host header. A number cannot be rebound, so numbers pass, and of names those that a person gave or
this machine has.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any

from thermodepth.errors import SettingsError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH = "/health"
#: No name of a machine is longer.
MAX_HOST_LETTERS = 255 + len(":65535")


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


class Gate:
    """An application around another one (ASGI), which answers `/health` and refuses other hosts."""

    def __init__(
        self, app: Application, *, names: Collection[str], health: Mapping[str, str]
    ) -> None:
        """
        Args:
            app: what is behind it.
            names: of `own_names`.
            health: what `/health` says besides its status.
        """
        self._app = app
        self._names = names
        self._health = json.dumps({"status": "ok", **health}).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one socket; whatever else a server sends passes."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        if len(hosts) != 1 or not is_own(hosts[0], self._names):
            await _refuse(scope, send)
        elif scope["type"] == "http" and scope["path"] == HEALTH:
            await _reply(send, 200, self._health, b"application/json")
        else:
            await self._app(scope, receive, send)


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    text = b"This server is not called so. Ask it by its address, or start it with --allow-host NAME.\n"
    await _reply(send, 421, text, b"text/plain; charset=utf-8")


async def _reply(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
