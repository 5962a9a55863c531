"""`thermodepth serve`."""

from __future__ import annotations

import ipaddress
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from thermodepth.cli.options import Device, Model, Runtime
from thermodepth.shipped import DEFAULT_MODEL
from thermodepth.threads import set_thread_policy

Host = Annotated[
    str, typer.Option(help="The address to serve on; the default is seen by this machine only.")
]
Port = Annotated[int, typer.Option(min=1, max=65535)]
AllowHost = Annotated[
    list[str],
    typer.Option(
        help="A name that requests may call this server by, besides its address and its own names; "
        "once for each. For a proxy before it."
    ),
]
Proxy = Annotated[
    str,
    typer.Option(
        help="The address of a proxy, whose X-Forwarded-For says where a request is from."
    ),
]
MaxUpload = Annotated[
    float, typer.Option("--max-upload-mb", min=0.001, max=1000, help="Megabytes of one upload.")
]
Rate = Annotated[
    int, typer.Option("--max-per-minute", min=0, help="Requests of one address; 0: any number.")
]
AtOnce = Annotated[
    int, typer.Option("--max-at-once", min=1, max=10_000, help="Requests that are under way.")
]


def serve(
    model: Model = DEFAULT_MODEL,
    host: Host = "127.0.0.1",
    port: Port = 7860,
    allow_host: AllowHost = [],
    proxy: Proxy = "",
    max_upload: MaxUpload = 64,
    rate: Rate = 600,
    at_once: AtOnce = 64,
    runtime: Runtime = None,
    device: Device = "auto",
) -> None:
    """A web page and an HTTP API: a thermal frame in, its depth out. Extra `serve`."""
    set_thread_policy()
    from thermodepth.serve.app import address_of, bound_socket, require_packages

    require_packages()  # before seconds go into the model
    from thermodepth.cli.terminal import console, error_console
    from thermodepth.runtime.loading import open_predictor
    from thermodepth.serve.app import build_app, open_service, run
    from thermodepth.serve.gate import own_names
    from thermodepth.serve.limits import Limits

    names = own_names(host, allow_host)
    limits = Limits(upload_bytes=round(max_upload * 1e6), requests_per_minute=rate, at_once=at_once)
    bound = bound_socket(host, port)
    with bound, tempfile.TemporaryDirectory(prefix="thermodepth-serve-") as folder:
        predictor = open_predictor(model, runtime=runtime, device=device)
        predictor.name = Path(model).name or model
        service = open_service(predictor, limits, Path(folder))
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            address = address_of(host, bound)
            console.print(f"serving {model} at {address} (Ctrl-C stops)", soft_wrap=True)
            if not _is_loopback(host):
                error_console.print(
                    f"note: --host {host} lets everyone who reaches this machine use the page; there is "
                    "no password"
                )
            run(build_app(service, names=names, proxied=allow_host), bound, proxy=proxy)
        finally:
            service.close()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
