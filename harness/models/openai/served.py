"""What a server says about a model that it serves."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import ModelError
from harness.models.openai.client import Client
from harness.types import JSON


async def served(client: Client, model: str) -> Mapping[str, JSON]:
    """What a server says about a model: its ``name``, and as far as known its ``owner``, ``root``
    (the checkpoint), ``context`` in tokens and the server's ``version``. Raises ModelError."""
    listed = await client.get(f"{client.url}/models")
    found: dict[str, JSON] = {"name": model}
    if listed is None:
        return found
    data = listed.get("data")
    entries = data if isinstance(data, list) else ()
    models = {str(m.get("id")): m for m in entries if isinstance(m, Mapping)}
    if model not in models:
        names = ", ".join(sorted(models)[:10]) or "nothing"
        raise ModelError(f"{client.url} does not serve {model!r}; it serves {names}")
    keys = {"owner": "owned_by", "root": "root", "context": "max_model_len"}
    found |= {name: models[model][key] for name, key in keys.items() if models[model].get(key)}
    version = await client.get(f"{client.root}/version")
    if version and isinstance(version.get("version"), str):
        found["version"] = version["version"]
    return found
