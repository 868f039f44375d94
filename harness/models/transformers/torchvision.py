"""Loads torchvision, in this one place, beside a CPU build of torch too.

All video processors of transformers 5 resize with torchvision's functions. PyPI's torchvision is
compiled against PyPI's CUDA build of torch: beside a CPU build its compiled operators cannot be
loaded, and ``import torchvision`` stops at registering a meta kernel for ``torchvision::nms``,
which does not exist then. No processor calls that operator: it is declared (without a kernel), and
the import goes through. The resizing functions are Python over torch and give the same bytes.

On a machine whose torchvision fits its torch, ``load`` is a plain import.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError

if TYPE_CHECKING:
    import torch

# what torchvision/_meta_registrations.py (0.28) registers kernels for at import
SCHEMAS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
HOW = "install the extra: pip install '.[video-families]'"

_declared: list[torch.library.Library] = []  # a Library's operators live as long as it does


def available() -> bool:
    """Whether torchvision is installed (loaded or not)."""
    return importlib.util.find_spec("torchvision") is not None


def load() -> None:
    """Imports torchvision, once. Call it before a processor is read.

    Raises ModelError when it is not installed or cannot be imported even so.
    """
    if "torchvision" in sys.modules:
        return
    if not available():
        raise ModelError(
            f"this model's processor resizes with torchvision, which is missing: {HOW}"
        )
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise ModelError(f"torchvision cannot be imported ({error}): {HOW}") from error
        _forget()
        _declare()
        try:
            importlib.import_module("torchvision")
        except (RuntimeError, ImportError) as again:
            _forget()
            raise ModelError(f"torchvision cannot be imported ({again}): {HOW}") from again
    except ImportError as error:
        _forget()
        raise ModelError(f"torchvision cannot be imported ({error}): {HOW}") from error


def _forget() -> None:
    """Drops what a failed import left in sys.modules: a second one would take it for whole."""
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]


def _declare() -> None:
    """Declares the operators that torchvision has meta kernels for and that were not loaded."""
    import torch

    if _declared:
        return
    untyped: Any = torch.library
    library = untyped.Library("torchvision", "DEF")
    for name in SCHEMAS:
        library.define(f"{name}{SIGNATURE}")
    _declared.append(library)
