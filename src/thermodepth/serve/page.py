"""The page and its server. gradio takes seconds to import and is an extra, so only functions import it."""

from __future__ import annotations

import html
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermodepth.errors import DependencyError, SettingsError, UserError
from thermodepth.files import MAX_FILE_BYTES
from thermodepth.serve.gate import Gate, own_names
from thermodepth.serve.upload import markdown, numbers_of, predict_upload, typed_degrees

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

_LENS_KNOWN = (
    "Metres hold for the lens that is stated below; without one that of the training is assumed."
)
_LENS_UNKNOWN = "Metres hold for the kind of lens the model was trained with."


#: Of what a stranger sent, in a line of the log.
MAX_LOGGED_LETTERS = 200
NOT_UPLOADED = "what was sent is no file that was uploaded here"


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

    predict = _frame_handler(predictor)
    with _page_class()(
        title="thermodepth", analytics_enabled=False, delete_cache=(FORGET_S, FORGET_S)
    ) as page:
        knows_lens = predictor.knows_lens
        lens_text = _LENS_KNOWN if knows_lens else _LENS_UNKNOWN
        gr.Markdown(INTRODUCTION.format(model=model, lens=lens_text))
        upload = gr.File(label="Thermal frame: 8/14/16-bit PNG, TIFF or NPY", height=150)
        # A text, because an empty number field shows and sends 0.
        degrees = gr.Textbox(
            label="Field of view across the frame, degrees (empty: not known)",
            visible=knows_lens,
        )
        summary = gr.Markdown(label="Summary")
        view = _picture("View")
        error_view = _picture("Expected relative error (darker = worse)")
        with gr.Row():
            depth = gr.DownloadButton("Depth (PNG, metres*256)", variant="primary", visible=False)
            structure = gr.DownloadButton("Structure (PNG)", visible=False)
            error = gr.DownloadButton(
                "Expected relative error (PNG, thousandths, larger = worse)", visible=False
            )
            sky = gr.DownloadButton("Sky (PNG, 255 = sky)", visible=False)
        numbers = gr.JSON(label="Numbers", visible=False)  # for programs
        # New outputs stand behind those that programs already count.
        outputs = [summary, view, depth, structure, numbers, error_view, error, sky]
        upload.change(predict, [upload, degrees], outputs, api_name="depth")
        degrees.submit(predict, [upload, degrees], outputs, api_name="depth_of_lens")
    return page


def _picture(label: str) -> gradio.Image:
    """Empty at first, and without gradio's own share button, which would upload the picture."""
    import gradio as gr

    return gr.Image(
        label=label,
        show_label=False,
        interactive=False,
        visible=False,
        buttons=["download", "fullscreen"],
    )


def _frame_handler(
    predictor: Predictor,
) -> Callable[[str | None, str | float | None], Iterator[tuple[Any, ...]]]:
    """What happens with a frame that was dropped: first an empty page, then its prediction."""
    import gradio as gr

    def predict(upload: str | None, degrees: str | float | None) -> Iterator[tuple[Any, ...]]:
        # What is seen must never belong to the frame before, so the page is emptied first.
        yield _outputs("", [None] * 3, None, [None] * 3)
        if upload is None:
            return
        # gradio copies the files at the yield.
        with tempfile.TemporaryDirectory(prefix="thermodepth-") as folder:
            try:
                fov_deg = typed_degrees(degrees)
                result = predict_upload(Path(upload), predictor, Path(folder), fov_deg=fov_deg)
            except UserError as error:  # its text may quote the file, and the page reads HTML
                raise gr.Error(
                    html.escape(str(error), quote=False), duration=None, print_exception=False
                ) from None
            yield _outputs(
                markdown(result),
                [result.view, result.depth, result.structure],
                numbers_of(result),
                [result.error_view, result.error, result.sky],
            )

    return predict


def _outputs(
    summary: str,
    files: Sequence[Path | None],
    numbers: Mapping[str, Any] | None,
    optional_files: Sequence[Path | None],
) -> tuple[Any, ...]:
    """In the order of the page's outputs; a file that there is none of is hidden."""
    import gradio as gr

    def update(path: Path | None) -> Any:
        return gr.update(value=None if path is None else str(path), visible=path is not None)

    return summary, *map(update, files), numbers, *map(update, optional_files)


def _page_class() -> type[gradio.Blocks]:
    import gradio as gr

    class Page(gr.Blocks):  # type: ignore[misc]  # gradio is not looked into
        """Refuses what was never uploaded in one line; gradio prints forty, and fetches what has a URL."""

        async def preprocess_data(
            self, block_fn: Any, inputs: Any, *more: Any, **options: Any
        ) -> Any:
            try:
                _check_uploads(inputs)
                return await super().preprocess_data(block_fn, inputs, *more, **options)
            except gr.Error:
                raise
            except Exception as error:  # forged requests fail anywhere in a foreign library
                print(f"refused: {in_one_line(error)}", file=sys.stderr, flush=True)
                raise gr.Error(NOT_UPLOADED, duration=None, print_exception=False) from None

    return Page


def _check_uploads(inputs: Any) -> None:
    """What gradio would fetch from the internet is no upload; it checks all other paths itself."""
    for upload in inputs:
        path = upload.get("path") if isinstance(upload, dict) else upload
        if path is not None and (not isinstance(path, str) or "://" in path):
            raise ValueError(f"not the path of an upload: {path!r}")


def in_one_line(error: Exception) -> str:
    """Kind and text of an error about what a stranger sent: printable, short, without line breaks."""
    text = f"{type(error).__name__}: {str(error)[: 2 * MAX_LOGGED_LETTERS]}"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= MAX_LOGGED_LETTERS else text[: MAX_LOGGED_LETTERS - 3] + "..."


def start_page(
    page: gradio.Blocks, *, host: str, port: int, model: str, allowed_hosts: Collection[str] = ()
) -> str:
    """Serve the page from a thread of this process, until `page.close()`.

    Args:
        page: of `build_page`.
        host: the address to serve on.
        port: of it.
        model: the name that `/health` says.
        allowed_hosts: names that requests may call this server by, besides its own.

    Returns:
        Its address.

    Raises:
        SettingsError: for an address that cannot be served, or a name that is none.
    """
    from gradio.exceptions import ServerFailedToStartError
    from starlette.middleware import Middleware  # gradio brings it

    from thermodepth import __version__

    names = own_names(host, allowed_hosts)
    gate = Middleware(Gate, names=names, health={"model": model, "version": __version__})

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
            app_kwargs={"middleware": [gate]},
        )
    except (OSError, ServerFailedToStartError):
        raise SettingsError(
            f"--host {host} --port {port}: cannot be served; the port is taken or not allowed, or the "
            "address is not this machine's"
        ) from None
    return str(address)
