"""``python -m harness.audit …``: the same as ``harness audit …``."""

from harness.cli import console

if __name__ == "__main__":
    console("audit")
