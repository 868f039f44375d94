"""Before any test module is imported: torchvision beside a CPU build of torch (see there), and
Ctrl-C, which a shell lets its jobs in the background ignore, for the programs that tests start."""

import signal

import pytest

import harness.models.transformers.library  # noqa: F401

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# a file is run by one process: these, a minute or two each, begin first, so that none is left for
# the end, when the other cores have nothing to do
LONGEST = ("test_resume.py", "test_tiny_models.py", "test_model_shapes.py", "test_training.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the others as they are."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
