"""transformers, made ready to be imported: torchvision first, where it is installed.

transformers imports torchvision by itself wherever it finds it, and beside a CPU build of torch
that fails unless ``harness.models.transformers.torchvision`` went first. Every module here that
imports transformers imports this one before; tests do so in ``conftest.py``.
"""

from harness.models.transformers import torchvision

if torchvision.available():
    torchvision.load()
