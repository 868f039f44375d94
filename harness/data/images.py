"""Pictures that rows hold as content, kept as files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import uuid
from collections.abc import Mapping
from pathlib import Path

from harness.data.folder import made
from harness.errors import DataError


def kept(picture: object, folder: Path) -> Path:
    """The file in ``folder`` that holds the picture, written unless it is there.

    ``picture`` is bytes, base64 (also a data: URL), or a dict with one of them under "bytes".
    The name is the content's hash, with the ending of its format. Raises DataError for what is no
    picture.
    """
    content = _content(picture)
    name = hashlib.sha256(content).hexdigest()
    target = folder / name[:2] / f"{name}{_ending(content)}"
    if not target.is_file():
        partial = made(target.parent) / f".{name}-{uuid.uuid4().hex}"
        partial.write_bytes(content)
        partial.replace(target)
    return target


def _content(picture: object) -> bytes:
    if isinstance(picture, Mapping):
        picture = picture.get("bytes")
    if isinstance(picture, str):
        try:
            _, comma, data = picture.partition(",")
            return base64.b64decode(data if comma else picture, validate=True)
        except binascii.Error as error:
            raise DataError(f"A row's picture is not base64: {error}.") from error
    if not isinstance(picture, bytes):
        raise DataError(f"A row's picture is {picture!r}: a file name or its content is needed.")
    return picture


def _ending(content: bytes) -> str:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return f".{(picture.format or 'png').lower()}"
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"A row's picture ({len(content)} bytes) cannot be read: {error}."
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(f"A row's picture is too large: {error}.") from error
