"""Which releases of transformers run which families of models.

Measured on the families' tiny builds (``tests/families``): one that is not listed gives the tokens
of its plain ``generate`` with transformers 5.16.0, 5.23.0 and 5.24.0; one that is listed does so
with the release named, and fails with the one before: its class is missing, its processor takes no
such videos, or its own forward fails on them.
"""

from __future__ import annotations

from harness.errors import ModelError

FIRST = (5, 16)
"""The first release that pyproject.toml allows: earlier ones know no ``cap_pixels_per_frame``,
which Qwen-VL's settings say, and those before 5.6 do not find CLIP's weights in a checkpoint that a
later one saved, as the demo's are."""

SINCE: dict[str, tuple[int, int]] = {
    "molmo2": (5, 20),
    "gemma4": (5, 23),
    "gemma4_unified": (5, 23),
    "lfm3_vl": (5, 23),
    "smolvlm": (5, 23),
    "kimi_k25": (5, 24),
}
"""The first release of transformers for a ``model_type``, where ``FIRST`` does not run it."""


def spelled(release: tuple[int, int]) -> str:
    """A release as pip writes it."""
    return ".".join(map(str, release))


def runs(kind: str, installed: str) -> bool:
    """Whether transformers of version ``installed`` runs models of this ``model_type``, as far as
    was tried."""
    major, minor, *_ = installed.split(".")
    return (int(major), int(minor)) >= SINCE.get(kind, FIRST)


def check(kind: str, installed: str, where: object) -> None:
    """Raises ModelError, which says what to install, where ``runs`` does not hold."""
    if not runs(kind, installed):
        needed = spelled(SINCE.get(kind, FIRST))
        raise ModelError(
            f"{where} is a {kind}, which needs transformers {needed} or later ({installed} is "
            f"installed): pip install 'transformers>={needed},<6'"
        )
