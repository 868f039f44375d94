"""When to ask the hub again, and when not to ask at all."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from harness.errors import DataError
from harness.names import one_line

log = logging.getLogger(__name__)
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before the second, third, … try
PATIENCE = 2.0  # seconds until a machine that does not answer counts as unreachable
T = TypeVar("T")
_untouched: ContextVar[bool] = ContextVar("untouched", default=False)
_reached: set[str] = set()  # endpoints that have answered


def patiently(what: str, ask: Callable[[], T], progress: Callable[[], int] = lambda: 0) -> T:
    """What ``ask`` answers, asked again after growing pauses where the server fails (5xx) or the
    connection breaks; at most ``len(PAUSES)`` times in a row without ``progress`` (bytes)."""
    from huggingface_hub.errors import HfHubHTTPError

    from harness.data.hub_private import HTTPError

    tries, had = 0, progress()
    while True:
        try:
            return ask()
        except (HTTPError, ConnectionError) as error:
            refused = isinstance(error, HfHubHTTPError) and error.response.status_code < 500
            if progress() > had:
                tries, had = 0, progress()
            if refused or tries == len(PAUSES) or _offline_by_wish():
                raise
            log.warning(
                "%s: %s; trying again in %g s (try %d of %d)",
                what, _short(error), PAUSES[tries], tries + 2, len(PAUSES) + 1,
            )  # fmt: skip
            time.sleep(PAUSES[tries])
            tries += 1


def _short(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is None:
        return one_line(error)
    return f"the server answered {response.status_code}"


@contextmanager
def untouched() -> Iterator[None]:
    """Inside, nothing is asked of the network: what is not here is a DataError at once."""
    token = _untouched.set(True)
    try:
        yield
    finally:
        _untouched.reset(token)


def online(what: str) -> None:
    """Raises DataError when the hub cannot be reached, in less than 3 s: huggingface_hub tries for
    25. ``what`` is what would be asked of it."""
    if _untouched.get():
        raise DataError(
            f"{what} would have to be fetched first: run `harness data TASK` without --check "
            "where there is a network, or set data=PATH."
        )
    if reason := why_offline():
        raise DataError(
            f"{what} must be fetched from the hub, but {reason}; connect and run again, or set "
            "data=PATH to files that are already here."
        )


def why_offline() -> str:
    """Why the hub is not to be asked, or cannot be reached; empty where it can."""
    from huggingface_hub import constants

    return "HF_HUB_OFFLINE is set" if _offline_by_wish() else _unreachable(constants.ENDPOINT)


def _offline_by_wish() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _proxy(scheme: str) -> str | None:
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")


def _unreachable(endpoint: str) -> str:
    """Why nothing listens at ``endpoint`` (or at the proxy before it); empty when it does."""
    if endpoint in _reached:
        return ""
    url = urlsplit(endpoint)
    proxy = None if proxy_bypass(url.hostname or "") else _proxy(url.scheme)
    if proxy:
        url = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    port = url.port or {"http": 80}.get(url.scheme, 443)
    failed: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((url.hostname or "", port), PATIENCE).close()
        except OSError as error:
            failed.append(error.strerror or str(error))

    # a thread: looking a name up cannot be given a time limit
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE + 0.5)
    if thread.is_alive() or failed:
        return f"{url.hostname} cannot be reached ({(failed or ['no answer'])[0]})"
    _reached.add(endpoint)
    return ""
