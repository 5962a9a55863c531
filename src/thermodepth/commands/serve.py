"""`thermodepth serve`."""

from __future__ import annotations

import ipaddress
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from thermodepth.commands.terminal import console, error_console
from thermodepth.inference.predictor import load
from thermodepth.serve.gate import own_names
from thermodepth.serve.page import build_page, require_gradio, start_page


def serve_page(
    model: str, *, host: str, port: int, device: str, allowed_hosts: Sequence[str] = ()
) -> None:
    """Load the model once and serve the page until Ctrl-C or a polite kill."""
    require_gradio()  # before seconds go into the model
    own_names(host, allowed_hosts)
    predictor = load(model, device=device)
    with tempfile.TemporaryDirectory(prefix="thermodepth-serve-") as kept:
        os.environ["GRADIO_TEMP_DIR"] = kept  # read when gradio is imported; goes when we stop
        name = Path(model).name or model
        page = build_page(predictor, model=name)
        address = start_page(page, host=host, port=port, model=name, allowed_hosts=allowed_hosts)
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
