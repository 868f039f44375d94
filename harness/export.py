"""``python -m harness.export …``: the same as ``harness export …``."""

from harness.cli import console

if __name__ == "__main__":
    console("export")
