"""``python -m harness.gate …``: the same as ``harness gate …``."""

from harness.cli import console

if __name__ == "__main__":
    console("gate")
