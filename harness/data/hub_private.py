"""What is used of huggingface_hub that its types do not export; ``tests/test_hub_private.py`` holds
it against the versions that may be installed.

``HTTPError`` is the base of all that its HTTP client raises: of httpx in versions 1, of httpx2 in
versions 2. ``build_hf_headers`` makes the headers of its requests, token included. Importing this
takes 0.3 s: import it where it is needed.
"""

from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

__all__ = ["HTTPError", "build_hf_headers", "http_get"]
