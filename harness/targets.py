"""From the dotted name behind a ``_target_`` to the class or function that it means."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from typing import Any

from harness.errors import RequestError
from harness.names import nearest


def locate(target: str, where: str) -> Any:
    """The class or function with this dotted name. Raises RequestError, which names file and line
    where the module itself is at fault."""
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:cut])
        try:
            found: Any = importlib.import_module(name)
        except SyntaxError as error:
            place = f"{_short(error.filename)}, line {error.lineno}"
            raise RequestError(f"{place}: {error.msg} (for {where}={target})") from error
        except ImportError as error:
            if isinstance(error, ModuleNotFoundError) and _leads_to(error.name, name):
                continue
            raise RequestError(f"{_culprit(error)}{error} (for {where}={target})") from error
        return _attribute(found, parts[cut:], f"{where}._target_={target}")
    raise RequestError(f"{where}._target_={target}: no such module")


def _attribute(module: Any, names: list[str], said: str) -> Any:
    found = module
    for name in names:
        if not hasattr(found, name):
            known = [key for key in vars(found) if not key.startswith("_")]
            owner = getattr(found, "__name__", found)
            hint = _hidden(found) or nearest(name, known, few=8)
            raise RequestError(f"{said}: {owner} has no {name}{hint}")
        found = getattr(found, name)
    return found


def _leads_to(missing: str | None, name: str) -> bool:
    """Whether what could not be imported is the module asked for, or a package on the way to it."""
    return missing is not None and (name == missing or name.startswith(f"{missing}."))


def _hidden(module: Any) -> str:
    """Why a built-in ``tasks.NAME`` is not found: a package of that name stands before it."""
    if getattr(module, "__name__", "") != "tasks" or module.__file__ is None:
        return ""
    return f"; {_short(module.__file__)} hides the built-in tasks: delete that file"


def _culprit(error: BaseException) -> str:
    """``tasks/mine.py, line 3: `` – the line that could not be imported."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [f for f in frames if "importlib" not in f.filename and f.filename != __file__]
    return f"{_short(mine[-1].filename)}, line {mine[-1].lineno}: " if mine else ""


def _short(name: str | None) -> str:
    path = Path(name or "?")
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
