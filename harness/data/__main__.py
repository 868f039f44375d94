"""``python -m harness.data …``: the same as ``harness data …``."""

from harness.cli import console

if __name__ == "__main__":
    console("data")
