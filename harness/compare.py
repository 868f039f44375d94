"""``python -m harness.compare …``: the same as ``harness compare …``."""

from harness.cli import console

if __name__ == "__main__":
    console("compare")
