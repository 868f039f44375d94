"""Before any test module is imported: torchvision beside a CPU build of torch (see there), and
Ctrl-C, which a shell lets its jobs in the background ignore, for the programs that tests start."""

import signal

import harness.models.transformers.library  # noqa: F401

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
