"""The energy that this machine's GPUs take while a run's questions are answered, counted by NVML.

Absent where not every question was measured: no pynvml (``pip install nvidia-ml-py``), no GPU that
counts (Volta or later), a served model, several machines or shards.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

from harness.run.durable import append_line

FILE = "energy.jsonl"
"""In the run's folder: a line {"joules", "questions"} for each session that was measured."""


def joules() -> float | None:
    """What the visible GPUs have taken since their driver was loaded; None: not known."""
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        devices = _visible(nvml)
        used = [nvml.nvmlDeviceGetTotalEnergyConsumption(device) for device in devices]  # mJ
    except (nvml.NVMLError, ValueError):  # no driver, a GPU that does not count, a MIG device
        return None
    return sum(used) / 1000 if used else None


def keep(folder: Path, before: float | None, questions: int) -> None:
    """Adds the line of a session that began at ``before`` joules. Raises JournalError."""
    if before is None or not questions or (after := joules()) is None:
        return
    append_line(folder / FILE, {"joules": round(after - before, 3), "questions": questions})


def total(folder: Path, questions: int) -> float | None:
    """Joules of all of a run's questions; None where some were answered unmeasured."""
    try:
        text = (folder / FILE).read_text("utf-8")
        lines = [json.loads(line) for line in text.splitlines() if line]
        measured = sum(int(line["questions"]) for line in lines)
        return sum(float(line["joules"]) for line in lines) if measured >= questions > 0 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _visible(nvml: Any) -> list[Any]:
    """Those of CUDA_VISIBLE_DEVICES: numbers (as NVML counts) or UUIDs; else raises ValueError."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = told.split(",") if told is not None else map(str, range(nvml.nvmlDeviceGetCount()))
    by, named = nvml.nvmlDeviceGetHandleByIndex, nvml.nvmlDeviceGetHandleByUUID
    wanted = [name.strip() for name in names if name.strip()]
    return [named(name) if name.startswith("GPU-") else by(int(name)) for name in wanted]
