"""Models behind a server that speaks OpenAI's chat completions: vLLM, SGLang, hosted APIs."""

from harness.models.openai.model import OpenAI

__all__ = ["OpenAI"]
