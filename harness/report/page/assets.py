"""A page as one file: its style, scripts and data inside it, nothing fetched, all text escaped.

``vendor/`` holds Tabulator 6.5.3 (MIT, its licence beside it): the table that shows thousands of
rows by drawing only those in view.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, FunctionLoader
from markupsafe import Markup

from harness.report import tables
from harness.report.numbers_json import clean

_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}

_HALF = re.compile("[\ud800-\udfff]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@cache
def text(name: str) -> str:
    """A file of this package, as text."""
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def as_json(data: Any) -> Markup:
    """Data as JSON that stays inside its ``<script type="application/json">`` whatever it holds;
    NaN is null. A lone surrogate, which UTF-8 cannot write, stays an escape."""
    try:
        made = _ENCODER.encode(data)
    except ValueError:  # rarely: to go through all that a page holds takes as long as to write it
        made = _ENCODER.encode(clean(data))
    for character, escape in _UNSAFE.items():
        made = made.replace(character, escape)
    return Markup(_HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", made))


def render(template: str, scripts: tuple[str, ...], **values: Any) -> str:
    """The page of a template, with these scripts in it. Only they may run: the policy names their
    hashes, so that text which reached the page as markup could do nothing."""
    made = [text(name) for name in scripts]
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in made]
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file: data:; script-src"
    environment = Environment(autoescape=True, loader=FunctionLoader(text), trim_blocks=True)
    environment.filters["interval"] = tables.interval
    environment.filters["number"] = tables.number
    page = environment.get_template(template).render(
        policy=" ".join([policy, *(f"'sha256-{one}'" for one in hashes)]),
        style=Markup(text("vendor/tabulator_simple.min.css") + text("page.css")),
        scripts=[Markup(script) for script in made],
        **values,
    )
    return page.encode("utf-8", "replace").decode("utf-8")
