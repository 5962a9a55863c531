"""`thermodepth serve`."""

from __future__ import annotations

import ipaddress
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from thermodepth.cli.options import Device, Model
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


def serve(
    model: Model = DEFAULT_MODEL,
    host: Host = "127.0.0.1",
    port: Port = 7860,
    allow_host: AllowHost = [],
    device: Device = "auto",
) -> None:
    """A local web page: drop a thermal frame, see and download its depth. Extra `serve`."""
    set_thread_policy()
    from thermodepth.cli.terminal import console, error_console
    from thermodepth.inference.predictor import load
    from thermodepth.serve.gate import own_names
    from thermodepth.serve.page import build_page, require_gradio, start_page

    require_gradio()  # before seconds go into the model
    own_names(host, allow_host)
    predictor = load(model, device=device)
    with tempfile.TemporaryDirectory(prefix="thermodepth-serve-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # read when gradio is imported; goes when we stop
        name = Path(model).name or model
        page = build_page(predictor, model=name)
        address = start_page(page, host=host, port=port, model=name, allowed_hosts=allow_host)
        console.print(f"serving {model} at {address} (Ctrl-C stops)", soft_wrap=True)
        if not _is_loopback(host):
            error_console.print(
                f"note: --host {host} lets everyone who reaches this machine use the page; there is "
                "no password"
            )
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            page.close(verbose=False)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
