"""How much may be asked: of one upload, by one address, and of all at once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from thermodepth.errors import SettingsError
from thermodepth.serve.refusals import RefusedError

#: Addresses that are remembered; the one that was silent for longest is forgotten.
MOST_ADDRESSES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every bound of the server, in one place."""

    upload_bytes: int = 64_000_000
    frame_pixels: int = 4_000_000  # of one frame; no thermal camera has more
    frames: int = 1000  # of one upload; what lies behind them is not looked at
    requests_per_minute: int = 600  # of one address; 0: any number
    at_once: int = 64  # requests that are under way
    slots: int = 2  # frames that are decoded and predicted at once
    decoding_bytes: int = 1_000_000_000  # of memory, beyond what an idle decoder has
    decoding_s: float = 10.0
    request_s: float = 120.0  # from its first byte to the last of its answer
    kept_bytes: int = 1_000_000_000  # of uploads on the disk
    kept_files: int = 200
    kept_s: float = 1800.0  # after an upload was last asked for

    def __post_init__(self) -> None:
        if self.upload_bytes < 1 or self.upload_bytes > self.kept_bytes:
            raise SettingsError(
                f"uploads of {self.upload_bytes / 1e6:g} MB: expected above 0 and at most the "
                f"{self.kept_bytes / 1e6:g} MB that are kept of all"
            )
        if self.requests_per_minute < 0 or min(self.at_once, self.slots) < 1:
            raise SettingsError("limits of requests: expected whole numbers that are not negative")


class Rates:
    """A bucket of tokens for each address: a tenth of a minute's may come at once."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            per_minute: requests of one address; 0: any number.
            clock: seconds.
        """
        self._per_s = per_minute / 60
        self._burst = max(per_minute / 10, 1.0)
        self._clock = clock
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> None:
        """One request of this address.

        Raises:
            RefusedError: 429, where there were too many.
        """
        if not self._per_s:
            return
        now = self._clock()
        tokens, then = self._tokens.pop(address, (self._burst, now))
        tokens = min(tokens + (now - then) * self._per_s, self._burst)
        self._tokens[address] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        if len(self._tokens) > MOST_ADDRESSES:
            self._tokens.popitem(last=False)
        if tokens < 1:
            raise RefusedError(
                429,
                f"more than {self._per_s * 60:g} requests a minute from one address; ask again later",
                retry_s=max(round((1 - tokens) / self._per_s), 1),
            )


class Crowd:
    """How many requests are under way."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: that may be under way.
        """
        self.most = most
        self.count = 0

    def __enter__(self) -> None:
        """
        Raises:
            RefusedError: 429, where there are too many.
        """
        if self.count >= self.most:
            raise RefusedError(
                429,
                f"busy: {self.most} requests are under way; ask again a little later",
                retry_s=1,
            )
        self.count += 1

    def __exit__(self, *reason: object) -> None:
        self.count -= 1
