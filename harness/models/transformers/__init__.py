"""Models on transformers: one engine, and what each family of models adds to it."""

from harness.models.transformers.model import Transformers

__all__ = ["Transformers"]
