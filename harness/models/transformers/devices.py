"""Which device a model runs on. Importing this loads no torch."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.errors import RequestError

SPREAD = ("auto", "balanced", "balanced_low_0", "sequential")
"""accelerate's ways to spread a model over several GPUs."""


def may_have_gpu() -> bool:
    """Whether a GPU that torch could use may be there, without loading torch to ask it: on Linux
    its driver's device files say so (NVIDIA's, NVIDIA's under Windows, AMD's)."""
    if sys.platform != "linux":
        return True
    return any(Path("/dev", name).exists() for name in ("nvidiactl", "nvidia0", "dxg", "kfd"))


def resolved(device: str) -> str:
    """The device that "auto" stands for, or the one that is named. Raises RequestError for one
    that torch does not know or this machine does not have."""
    if device == "cpu" or (device == "auto" and not may_have_gpu()):
        return "cpu"
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind, place = torch.device(device).type, torch.device(device).index
    except RuntimeError as error:
        raise RequestError(
            f"backend.device={device}: torch knows no such device; write auto, cpu, cuda or cuda:N"
        ) from error
    if kind == "cuda":
        count = torch.cuda.device_count()
        if (place or 0) >= count:
            here = f"there are {count}, from 0 on" if count else "torch finds none"
            raise RequestError(f"backend.device={device}: no such GPU ({here}); write auto or cpu")
    elif kind != "cpu":
        try:
            torch.zeros(1, device=device).item()
        except (RuntimeError, NotImplementedError, AssertionError) as error:
            raise RequestError(
                f"backend.device={device}: not on this machine; write auto or cpu"
            ) from error
    return device
