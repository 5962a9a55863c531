"""The files of the page: read once, served from memory, by name and no other way."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from thermodepth.colour import paint
from thermodepth.files import read_bytes

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
INDEX = "index.html"
#: A module with the colours of depth, which stand in `colour` and nowhere else.
DEPTH_COLOURS = "depth_colours.js"
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str
    etag: str


def page_assets() -> dict[str, Asset]:
    """Name -> file, of the page's folder and what is made for it."""
    folder = Path(str(files("thermodepth") / "serve" / "page"))
    assets = {
        path.name: _asset(path.name, read_bytes(path, limit=_MOST_BYTES))
        for path in sorted(folder.iterdir())
        if path.suffix in _TYPES
    }
    colours = paint(np.linspace(0, 1, 256)[None])[0]
    text = base64.b64encode(colours.tobytes()).decode()
    assets[DEPTH_COLOURS] = _asset(DEPTH_COLOURS, f'export default "{text}";\n'.encode())
    return assets


def _asset(name: str, content: bytes) -> Asset:
    digest = hashlib.sha256(content).hexdigest()[:20]
    return Asset(content=content, media_type=_TYPES[Path(name).suffix], etag=f'"{digest}"')
