"""``python -m harness.doctor …``: the same as ``harness doctor …``."""

from harness.cli import console

if __name__ == "__main__":
    console("doctor")
