"""Before any test module is imported: torchvision beside a CPU build of torch (see there), and
Ctrl-C, which a shell lets its jobs in the background ignore, for the programs that tests start."""

import resource
import signal
from collections.abc import Iterator

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


# of one process, in bytes: two of them and what they start fit a machine of 16 GB
MEMORY = 6 * 2**30


@pytest.fixture(autouse=True)
def memory_in_bounds() -> Iterator[None]:
    """A test that takes more fails by name, where a smaller machine would kill its process."""
    before = _peak()
    yield
    if before <= MEMORY < (after := _peak()):
        pytest.fail(f"took {after / 2**30:.1f} GiB of memory")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
