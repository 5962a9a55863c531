"""The page and its server. gradio takes seconds to import and is an extra, so only functions import it."""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.errors import DependencyError, SettingsError, UserError
from thermodepth.files import MAX_FILE_BYTES
from thermodepth.serve.answer import answer, markdown, typed_degrees

if TYPE_CHECKING:
    import gradio

    from thermodepth.inference.predictor import Predictor

# Every hour gradio deletes its copies of older frames; the raw uploads go when the server stops.
FORGET_S = 3600

INTRODUCTION = """\
# thermodepth

Structure and metric depth of one thermal frame, by the model `{model}`. The frame stays on the computer
that runs this page until the page is stopped. {lens}
"""

_TOLD = (
    "Metres hold for the lens that is said below; without one the lens of the training is assumed."
)
_UNTOLD = "Metres hold for the kind of lens the model was trained with."


def require_gradio() -> None:
    """
    Raises:
        DependencyError: when gradio is not installed.
    """
    if find_spec("gradio") is None:
        raise DependencyError(
            "the web page needs gradio, which is not installed: pip install 'thermodepth[serve]'"
        )


def build_page(predictor: Predictor, *, model: str) -> gradio.Blocks:
    """The page, not yet served; `model` is the name it shows."""
    require_gradio()
    # Read at import too, before any argument; the history would keep every frame in the browser.
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")
    import gradio as gr

    def show(upload: str | None, degrees: str | float | None) -> Iterator[tuple[Any, ...]]:
        # What is seen must never belong to the frame before, so the page is emptied first.
        yield "", *(gr.update(value=None, visible=False) for _ in range(3))
        if upload is None:
            return
        # gradio copies the files at the yield.
        with tempfile.TemporaryDirectory(prefix="thermodepth-") as folder:
            try:
                fov_deg = typed_degrees(degrees)
                said = answer(Path(upload), predictor, Path(folder), fov_deg=fov_deg)
            except UserError as error:  # its text may quote the file, and the page reads HTML
                raise gr.Error(
                    html.escape(str(error), quote=False), duration=None, print_exception=False
                ) from None
            files = (said.view, said.depth, said.structure)
            yield markdown(said), *(gr.update(value=str(path), visible=True) for path in files)

    with gr.Blocks(
        title="thermodepth", analytics_enabled=False, delete_cache=(FORGET_S, FORGET_S)
    ) as page:
        knows_lens = predictor.model.recipe.lens is not None
        gr.Markdown(INTRODUCTION.format(model=model, lens=_TOLD if knows_lens else _UNTOLD))
        upload = gr.File(label="Thermal frame: 8/14/16-bit PNG, TIFF or NPY", height=150)
        # A text, because an empty number field shows and sends 0.
        degrees = gr.Textbox(
            label="Field of view across the frame, degrees (empty: not known)",
            visible=knows_lens,
        )
        numbers = gr.Markdown()
        # Without gradio's own share button, which would upload the picture.
        view = gr.Image(
            show_label=False, interactive=False, visible=False, buttons=["download", "fullscreen"]
        )
        with gr.Row():
            depth = gr.DownloadButton("Depth (PNG, metres*256)", variant="primary", visible=False)
            structure = gr.DownloadButton("Structure (PNG)", visible=False)
        asked, results = [upload, degrees], [numbers, view, depth, structure]
        upload.change(show, asked, results, api_name="depth")
        degrees.submit(show, asked, results, api_name="depth_of_lens")
    return page


def start_page(page: gradio.Blocks, *, host: str, port: int) -> str:
    """Serve the page from a thread of this process, until `page.close()`.

    Returns:
        Its address.

    Raises:
        SettingsError: for an address that cannot be served.
    """
    from gradio.exceptions import ServerFailedToStartError

    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            ssr_mode=False,
            inbrowser=False,
            prevent_thread_lock=True,
            quiet=True,
            footer_links=["settings"],
            max_file_size=MAX_FILE_BYTES,
        )
    except (OSError, ServerFailedToStartError):
        raise SettingsError(
            f"--host {host} --port {port}: cannot be served; the port is taken or not allowed, or the "
            "address is not this machine's"
        ) from None
    return str(address)
