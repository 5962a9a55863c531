"""`thermodepth push`: a model with its card onto the model hub."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from thermodepth.cli.options import ModelArgument, With, load_with
from thermodepth.errors import DataError, SettingsError
from thermodepth.threads import set_thread_policy

MAKERS_CARD = "CARD.md"  # in a model folder: what its maker says of it

Name = Annotated[str, typer.Argument(metavar="ORG/NAME", help="On the hub.")]
Licence = Annotated[
    str,
    typer.Option(
        "--licence",
        help="Of the weights, as the hub lists them: apache-2.0, cc-by-nc-4.0, other, ...",
    ),
]
Scores = Annotated[
    Path | None,
    typer.Option(
        help="Tables for the card, Markdown with guessers beside the model, as `evaluate --out` writes them "
        "of real frames."
    ),
]
About = Annotated[
    Path | None,
    typer.Option(help="Your own words for the card, Markdown. Default: the model's CARD.md."),
]
Private = Annotated[bool, typer.Option("--private", help="Seen by its owners alone.")]
To = Annotated[
    Path | None,
    typer.Option("--to", help="Write what would be pushed into this new folder, and push nothing."),
]


def push(
    model: ModelArgument,
    name: Name,
    licence: Licence,
    scores: Scores = None,
    about: About = None,
    private: Private = False,
    to: To = None,
    extensions: With = [],
) -> None:
    """A model onto the model hub, with a card of its licence, where it comes from and what was measured.

    `hf auth login`, or HF_TOKEN, says who you are. `thermodepth.load("ORG/NAME")` fetches it again.
    """
    set_thread_policy()
    load_with(extensions)
    from thermodepth.cli.terminal import console
    from thermodepth.model import load_model, resolve_model
    from thermodepth.model.card import model_card, write_with_card
    from thermodepth.model.hub import check_hub_name, push_folder

    check_hub_name(name)
    folder = resolve_model(model)
    if about is None and (folder / MAKERS_CARD).exists():
        about = folder / MAKERS_CARD
    card = model_card(
        load_model(folder),
        name,
        licence=licence,
        scores=_text(scores, "--scores"),
        about=_text(about, "--about"),
    )
    if to is not None:
        write_with_card(folder, to, card)
        console.print(f"{to}: what `push` would send to {name}; nothing is sent", soft_wrap=True)
        return
    with tempfile.TemporaryDirectory(prefix="thermodepth-push-") as temporary:
        sent = Path(temporary) / "model"
        write_with_card(folder, sent, card)
        address = push_folder(sent, name, private=private)
    console.print(f"{name}: {address}", soft_wrap=True)


def _text(path: Path | None, option: str) -> str:
    """Of a file that is named; empty where none is.

    Raises:
        SettingsError: where it cannot be read, or says nothing.
    """
    from thermodepth.files import read_text

    if path is None:
        return ""
    try:
        text = read_text(path)
    except DataError as error:
        raise SettingsError(f"{option} {error}") from None
    if not text.strip():
        raise SettingsError(f"{option} {path}: says nothing")
    return text
