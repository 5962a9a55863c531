"""Who is let in, by the Host header, and what `/health` says; no web library is needed for it."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from thermodepth.errors import SettingsError
from thermodepth.serve.gate import HEALTH, Gate, is_own, own_names
from thermodepth.serve.page import MAX_LOGGED_LETTERS, _check_uploads, in_one_line


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


def ask(scope: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """What the gate sends, and how often it asked the application behind it."""
    sent: list[dict[str, Any]] = []
    behind = 0

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal behind
        behind += 1
        await send({"type": "from behind"})

    async def receive() -> dict[str, Any]:
        raise AssertionError("a gate reads nothing")

    async def send(message: Any) -> None:
        sent.append(message)

    gate = Gate(app, names=own_names("127.0.0.1"), health={"model": "small"})
    asyncio.run(gate(scope, receive, send))
    return sent, behind


def http(path: str, *hosts: str) -> dict[str, Any]:
    headers = [(b"accept", b"*/*"), *((b"host", host.encode()) for host in hosts)]
    return {"type": "http", "path": path, "headers": headers}


def test_what_is_meant_for_this_server_passes() -> None:
    assert ask(http("/config", "localhost:7860")) == ([{"type": "from behind"}], 1)
    assert ask({"type": "lifespan"}) == ([{"type": "from behind"}], 1)
    socket_scope = {**http("/queue", "127.0.0.1"), "type": "websocket"}
    assert ask(socket_scope) == ([{"type": "from behind"}], 1)


@pytest.mark.parametrize("hosts", [("evil.example",), (), ("localhost", "evil.example")])
def test_what_is_not_is_refused_whatever_it_asks(hosts: tuple[str, ...]) -> None:
    for path in ("/config", HEALTH, "/gradio_api/upload"):
        (start, body), behind = ask(http(path, *hosts))
        assert behind == 0
        assert start["status"] == 421
        assert b"--allow-host" in body["body"]
    closed, behind = ask({**http("/queue", *hosts), "type": "websocket"})
    assert (closed, behind) == ([{"type": "websocket.close", "code": 1008}], 0)


def test_health_says_that_it_lives_and_which_model_it_is() -> None:
    (start, body), behind = ask(http(HEALTH, "127.0.0.1:7860"))
    assert behind == 0
    assert start["status"] == 200
    assert (b"content-type", b"application/json") in start["headers"]
    assert json.loads(body["body"]) == {"status": "ok", "model": "small"}
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]


def test_a_forged_path_is_one_short_line() -> None:
    text = in_one_line(ValueError("Cannot move /etc/passwd\nINFO: all is well\x1b[2J" + "x" * 9000))
    assert text.startswith("ValueError: Cannot move /etc/passwd\\nINFO")
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) == MAX_LOGGED_LETTERS
    assert in_one_line(KeyError("a")) == "KeyError: 'a'"


@pytest.mark.parametrize(
    "given",
    ["http://example/x.png", "file:///etc/passwd", {"path": "https://example/x"}, {"path": 5}, 7],
)
def test_what_would_be_fetched_is_no_upload(given: Any) -> None:
    with pytest.raises(ValueError, match="not the path of an upload"):
        _check_uploads([given])


def test_uploads_pass() -> None:
    _check_uploads([None, {"path": "/tmp/gradio/1/frame.png", "url": "http://127.0.0.1/f"}])
