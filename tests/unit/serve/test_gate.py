"""Who is let in: by the Host header, by the page that asks, by how much was asked."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from thermodepth.errors import SettingsError
from thermodepth.serve.gate import Gate, is_own, is_own_page, own_names
from thermodepth.serve.limits import Limits


@pytest.mark.parametrize(
    "header",
    [
        "127.0.0.1:7860",
        "127.0.0.1",
        "10.1.2.3:80",
        "[::1]:7860",
        "[fe80::1]",
        "localhost:7860",
        "LocalHost",
        "localhost.:7860",
        "lab.example:8000",
        "proxy.example",
        f"{socket.gethostname()}:7860",
    ],
)
def test_own_hosts(header: str) -> None:
    assert is_own(header, own_names("lab.example", ["Proxy.example"]))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "evil.example",
        "evil.example:7860",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "127.0.0.1:80@evil.example",
        "localhost:80:80",
        "localhost:http",
        "[::1",
        "[evil.example]",
        "[::1].evil.example",
        "::1",  # without brackets a colon begins the port
        "0x7f000001",
        "a" * 300,
        "127.0.0.1:٨٠",
    ],
)
def test_hosts_of_others(header: str) -> None:
    assert not is_own(header, own_names("127.0.0.1"))


@pytest.mark.parametrize("name", ["", "a b", "depth.example:80", "http://depth.example", "*"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="--allow-host"):
        own_names("127.0.0.1", [name])


@pytest.mark.parametrize(
    ("origin", "host", "is_ours"),
    [
        ("http://127.0.0.1:7860", "127.0.0.1:7860", True),
        ("http://localhost:7860", "localhost:7860", True),
        ("https://proxy.example", "127.0.0.1:7860", True),
        ("https://proxy.example:8443", "127.0.0.1:7860", True),
        ("http://127.0.0.1:9999", "127.0.0.1:7860", False),  # another program of this machine
        ("http://localhost:9999", "localhost:7860", False),
        ("http://10.6.6.6", "127.0.0.1:7860", False),
        ("https://evil.example", "127.0.0.1:7860", False),
        ("https://proxy.example.evil.example", "127.0.0.1:7860", False),
        ("null", "127.0.0.1:7860", False),
        ("file://", "127.0.0.1:7860", False),
        ("", "127.0.0.1:7860", False),
    ],
)
def test_whose_page_sends(origin: str, host: str, is_ours: bool) -> None:
    assert is_own_page(origin, host, ["Proxy.example"]) is is_ours


class Behind:
    """An application that counts, and answers when it is let."""

    def __init__(self) -> None:
        self.calls = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.calls += 1
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"behind"})


def http(path: str, *hosts: str, method: str = "GET", origin: str | None = None) -> dict[str, Any]:
    headers = [(b"accept", b"*/*"), *((b"host", host.encode()) for host in hosts)]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return {
        "type": "http",
        "path": path,
        "method": method,
        "headers": headers,
        "client": ("10.0.0.1", 1),
    }


async def ask(gate: Gate, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """What the gate sends."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("a gate reads nothing")

    async def send(message: Any) -> None:
        sent.append(message)

    await gate(scope, receive, send)
    return sent


def asked(
    scopes: Sequence[dict[str, Any]], limits: Limits | None = None
) -> tuple[list[tuple[int, str]], int]:
    """(status, body) of one after another, and how often the application behind the gate was asked."""

    async def all_of_them() -> tuple[list[tuple[int, str]], int]:
        behind = Behind()
        names = own_names("127.0.0.1", ["proxy.example"])
        gate = Gate(behind, names=names, limits=limits or Limits(), proxied=["proxy.example"])
        replies = [await ask(gate, scope) for scope in scopes]
        return [(start["status"], body["body"].decode()) for start, body in replies], behind.calls

    return asyncio.run(all_of_them())


def test_what_is_meant_for_this_server_passes_with_headers_that_guard_it() -> None:
    async def headers() -> dict[bytes, bytes]:
        gate = Gate(Behind(), names=own_names("127.0.0.1"), limits=Limits())
        start, _ = await ask(gate, http("/", "localhost:7860"))
        return dict(start["headers"])

    sent = asyncio.run(headers())
    assert sent[b"x-content-type-options"] == b"nosniff"
    policy = sent[b"content-security-policy"]
    assert b"default-src 'none'" in policy
    assert b"http" not in policy  # nothing from outside


@pytest.mark.parametrize("hosts", [("evil.example",), (), ("localhost", "evil.example")])
def test_what_is_not_is_refused_whatever_it_asks(hosts: tuple[str, ...]) -> None:
    replies, behind = asked([http(path, *hosts) for path in ("/", "/health", "/api/v1/depth")])
    assert behind == 0
    for status, body in replies:
        assert status == 421
        assert "--allow-host" in json.loads(body)["error"]


def test_a_page_of_another_site_may_read_nothing_into_it() -> None:
    scopes = [
        http("/api/v1/depth", "127.0.0.1", method="POST", origin=origin)
        for origin in ("https://evil.example", "null", "http://127.0.0.1", "https://proxy.example")
    ]
    replies, behind = asked(scopes)
    assert [status for status, _ in replies] == [403, 403, 200, 200]
    assert behind == 2
    assert "another site" in json.loads(replies[0][1])["error"]


def test_sockets_are_closed() -> None:
    gate = Gate(Behind(), names=own_names("127.0.0.1"), limits=Limits())
    closed = asyncio.run(ask(gate, {**http("/", "127.0.0.1"), "type": "websocket"}))
    assert closed == [{"type": "websocket.close", "code": 1008}]


def test_work_is_counted_and_health_is_not() -> None:
    work = [http("/api/v1/depth", "127.0.0.1")] * 8
    health = [http("/health", "127.0.0.1")] * 8
    replies, _ = asked([*work, *health], Limits(requests_per_minute=30))
    assert [status for status, _ in replies] == [200] * 3 + [429] * 5 + [200] * 8
    assert "30 requests a minute" in replies[3][1]


def test_more_than_there_is_room_for_is_refused_at_once() -> None:
    async def crowd() -> list[int]:
        behind = Behind()
        behind.go.clear()
        gate = Gate(behind, names=own_names("127.0.0.1"), limits=Limits(at_once=2))
        scope = http("/api/v1/recordings/x", "127.0.0.1")
        tasks = [asyncio.create_task(ask(gate, scope)) for _ in range(4)]
        await asyncio.sleep(0)
        while behind.calls < 2:
            await asyncio.sleep(0)
        behind.go.set()
        replies = [await task for task in tasks]
        replies.append(await ask(gate, scope))
        return [reply[0]["status"] for reply in replies]

    assert asyncio.run(crowd()) == [200, 200, 429, 429, 200]


def test_what_takes_too_long_ends() -> None:
    async def slow() -> tuple[int, str]:
        behind = Behind()
        behind.go.clear()
        gate = Gate(behind, names=own_names("127.0.0.1"), limits=Limits(request_s=0.01))
        start, body = await ask(gate, http("/api/v1/depth", "127.0.0.1"))
        return start["status"], body["body"].decode()

    status, body = asyncio.run(slow())
    assert status == 408
    assert "0.01 s" in body
