"""The command line: one sub-command a verb, heavy imports inside.

`thermodepth --help` must cost nothing, so this room imports only typer, and a command imports what it
needs after the thread policy is set. A person's mistake becomes one line on stderr and exit code 2.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from typing import Annotated

import typer

from thermodepth.cli.check_extension import check_extension
from thermodepth.cli.data import data_app
from thermodepth.cli.evaluate import evaluate
from thermodepth.cli.study_analyze import study_analyze
from thermodepth.cli.study_audit import study_audit
from thermodepth.cli.study_gradients import study_gradients
from thermodepth.cli.study_plan import study_plan
from thermodepth.cli.verbs import adapt, label, predict, serve, study_app, train
from thermodepth.errors import DivergedError, SettingsError, UserError

app = typer.Typer(
    name="thermodepth",
    help="Monocular depth from thermal cameras: train it, explain it, ship it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
study_app.command("plan")(study_plan)
study_app.command("audit")(study_audit)
study_app.command("analyze")(study_analyze)
study_app.command("gradients")(study_gradients)
app.add_typer(study_app, name="study")
for verb in (train, adapt, evaluate, predict, serve, label):
    app.command()(verb)
app.command("check-extension")(check_extension)
app.add_typer(data_app, name="data")


#: Errors of writing that name no file.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def main() -> None:
    """The program `thermodepth`."""
    warnings.formatwarning = _warning_line
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what the terminal cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        # As a path, "" would be the current folder.
        if "" in sys.argv[1:]:
            raise SettingsError("an empty argument: is a variable unset?")
        # Without its standalone mode typer returns the exit code instead of ending the process.
        code = app(standalone_mode=False)
        if code == 130:
            raise KeyboardInterrupt
        sys.stdout.flush()  # here a full disk can still be said
        sys.exit(code if isinstance(code, int) else 0)
    except UserError as error:
        _say_error(str(error))
        sys.exit(2)
    except DivergedError as error:
        _say_error(f"training diverged: {error}")
        sys.exit(3)
    except (KeyboardInterrupt, typer.Abort):
        _say_error("stopped; what was finished is kept, and the same command goes on where it can")
        sys.exit(130)
    except BrokenPipeError:  # `thermodepth ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno not in _OF_THE_DISK:
            raise
        _say_error(f"{error.filename or 'output'}: {error.strerror or error}")
        if error.filename is None:  # what waits to be written would fail once more when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(2)
    except Exception as error:
        # Typer's own usage errors know how to show themselves; ours keep their traceback.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))


_FORMATTED = warnings.formatwarning


def _warning_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """What is said to a person comes without the place in our source that said it."""
    if category is UserWarning:
        return f"warning: {message}\n"
    return _FORMATTED(message, category, filename, lineno, line)


def _say_error(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from thermodepth import __version__

        print(f"thermodepth {__version__}")
        raise typer.Exit
