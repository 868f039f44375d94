"""Before any test module is imported: torchvision beside a CPU build of torch (see there)."""

import harness.models.transformers.library  # noqa: F401
