"""transformers, made ready to be imported: torchvision first, where it is installed.

transformers imports torchvision by itself wherever it finds it, and beside a CPU build of torch
that fails unless ``harness.models.transformers.torchvision`` went first. Every module here takes
transformers from here (``from …library import transformers``) or imports this one before it;
tests do so in ``conftest.py``. It is without types: most of what is used of it has none.
"""

from typing import Any

from harness.models.transformers import torchvision

if torchvision.available():
    torchvision.load()

import transformers as _transformers

transformers: Any = _transformers
