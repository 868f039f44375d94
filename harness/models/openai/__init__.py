"""Models behind a server that speaks OpenAI's chat completions: vLLM, SGLang, hosted APIs."""

from harness.models.openai.model import OpenAI, reference

__all__ = ["OpenAI", "reference"]
