"""Every error the harness raises on purpose.

    HarnessError                      one line: what, where, what to do
    ├── RequestError                  the request cannot be run as written
    ├── DataError                     rows or videos are missing, damaged or not what they claim
    │   └── GatedError                the hub wants a token or an accepted licence
    ├── VideoError                    one video (or one frame of it) cannot be read
    ├── ModelError                    a checkpoint is missing, unsafe or not what it claims
    ├── PlanError                     the run cannot fit: context, memory, missing videos
    ├── JournalError                  a run folder is busy, damaged or belongs to another request
    ├── WorkerError                   a worker process died
    └── JudgeError                    a judge refused or made no sense

A ``HarnessError`` that reaches the command line is printed as one line, without a traceback,
and exits with 2. Anything else is a defect of ours and crashes with its traceback.
"""


class HarnessError(Exception):
    """Base of all errors raised on purpose: ``str()`` is one line that says what to do."""


class RequestError(HarnessError):
    """The request cannot be run as written: a key, a value or a name is wrong."""


class DataError(HarnessError):
    """Rows or videos are missing, damaged, or not what they claim to be."""


class GatedError(DataError):
    """The hub refuses: the data set wants a token, or its licence accepted."""


class VideoError(HarnessError):
    """One video cannot be read as asked. Costs its own clip and nothing else."""


class ModelError(HarnessError):
    """A checkpoint is missing, unsafe, or not what it claims to be."""


class PlanError(HarnessError):
    """The run cannot fit: context, memory, or videos that are missing."""


class JournalError(HarnessError):
    """A run folder is busy, damaged, or belongs to another request."""


class WorkerError(HarnessError):
    """A worker process died; what it had answered is kept."""


class JudgeError(HarnessError):
    """A judge refused to answer, or answered without a verdict."""
