"""Why a request is not answered: a status, a sentence, and sometimes when to ask again."""

from __future__ import annotations

from thermodepth.errors import UserError


class RefusedError(UserError):
    """Something that whoever asks can mend."""

    def __init__(self, status: int, text: str, *, retry_s: int | None = None) -> None:
        """
        Args:
            status: of HTTP, 4xx.
            text: one sentence; it becomes `{"error": text}`.
            retry_s: seconds after which asking again may help.
        """
        super().__init__(text)
        self.status = status
        self.retry_s = retry_s

    @property
    def headers(self) -> dict[str, str]:
        """Beside the sentence."""
        return {} if self.retry_s is None else {"Retry-After": str(self.retry_s)}


def shortened(text: str, most: int = 500) -> str:
    """What a stranger's file made a message of: one printable line, not too long."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return line if len(line) <= most else line[: most - 3] + "..."
