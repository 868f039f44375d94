"""A prompt's turns through a checkpoint's own chat template: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import ModelError
from harness.names import nearest
from harness.types import JSON

Content = Mapping[str, str]
"""A part of a message as chat templates take it: {"type": "text", "text": …}, {"type": "video"}."""
Message = tuple[str, Sequence[Content]]
_RENDERING = ("transformers.tokenization_utils_base", "transformers.processing_utils")
_GIVEN = {"messages", "tools", "documents", "add_generation_prompt", "raise_exception"}
"""What a template reads that no setting gives it."""
SHORT = 20  # characters; what is shorter is not counted


@dataclass(frozen=True)
class ChatTemplate:
    """``template`` is Jinja source, ``tokenizer`` renders it (a tokenizer or a processor), ``bos``
    is what a rendered prompt may begin with; ``settings`` are handed to the template as they are
    (``enable_thinking``)."""

    template: str
    tokenizer: Any
    bos: str = ""
    settings: Mapping[str, JSON] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_unread(self.template, self.tokenizer, self.settings)

    def render(self, messages: Sequence[Message], question: str) -> str:
        """The prompt as text. A last message by the assistant is left open.

        Raises ModelError when the template does not say each part once, whichever way a system
        message is put.
        """
        wrong = ""
        for attempt in (self._apply, self._apply_system_in_front, self._apply_system_in_user):
            try:
                rendered = attempt(messages)
            except Exception as error:  # noqa: BLE001  # a template raises whatever it likes
                wrong = wrong or str(error)
                continue
            unlike = _miscounted(messages, rendered)
            if not unlike:
                return rendered
            wrong = wrong or unlike
            if messages[0][0] != "system":
                break
        raise ModelError(
            f"the chat template does not say each part of question {question} once "
            f"({wrong[:80]!r}): write model.chat_template=FILE for one that does"
        )

    def _apply(self, messages: Sequence[Message]) -> str:
        primed = messages[-1][0] == "assistant" and any(_texts([messages[-1]]))
        if messages[-1][0] == "assistant" and not primed:
            messages = messages[:-1]
        conversation = [{"role": role, "content": list(parts)} for role, parts in messages]
        return str(
            self.tokenizer.apply_chat_template(
                conversation,
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=not primed,
                continue_final_message=primed,
                **self.settings,
            )
        )

    def _apply_system_in_front(self, messages: Sequence[Message]) -> str:
        """For templates that say the system turn twice, as the converted Vicuna ones do: it is
        put in front as the original code (vicuna_v1) has it. Not for templates with roles of
        their own for it, which say it once, nor for those that know none."""
        (role, parts), *rest = messages
        system = "".join(_texts([(role, parts)]))
        if role != "system" or self._apply(messages).count(system.strip()) < 2:
            return ""
        rendered = self._apply(rest)
        start = len(self.bos) if self.bos and rendered.startswith(self.bos) else 0
        return f"{rendered[:start]}{system.strip()} {rendered[start:]}"

    def _apply_system_in_user(self, messages: Sequence[Message]) -> str:
        """For templates without a system role (Mistral's): it opens the first user turn."""
        if len(messages) < 2:
            return ""
        (_, parts), (role, asked), *rest = messages
        system = {"type": "text", "text": "".join(_texts([("system", parts)])) + "\n"}
        if asked and asked[0]["type"] == "text":  # one piece of text stays one piece
            system["text"] += asked[0]["text"]
            asked = asked[1:]
        return self._apply([(role, [system, *asked]), *rest])


def refuse_unread(template: object, tokenizer: Any, settings: Mapping[str, JSON]) -> None:
    """Raises ModelError for a setting that the template reads nowhere: it would be ignored. Nothing
    is told of templates that Jinja alone cannot parse, nor of a tokenizer or processor with a way
    of its own to render them."""
    if not settings or not isinstance(template, str):
        return
    if type(tokenizer).apply_chat_template.__module__ not in _RENDERING:
        return
    from jinja2 import Environment, TemplateSyntaxError, meta  # a report's, else

    try:
        parsed = Environment(extensions=["jinja2.ext.loopcontrols"]).parse(template)
    except TemplateSyntaxError:
        return
    read = meta.find_undeclared_variables(parsed)
    for name in settings:
        if name not in read:
            raise ModelError(
                f"model.template_settings.{name}: this checkpoint's chat template reads nothing of "
                f"this name{nearest(name, read - _GIVEN, few=0)}"
            )


def _texts(messages: Sequence[Message]) -> Iterator[str]:
    for _, parts in messages:
        for part in parts:
            if part["type"] == "text":
                yield part["text"]


def _miscounted(messages: Sequence[Message], rendered: str) -> str:
    """The first text that the template lost, or says more than once; else empty. Short texts other
    than the system turn may stand in what it says itself."""
    texts = [text.strip() for text in _texts(messages)]
    lost = next((text for text in texts if text not in rendered), "")
    whole = "\n".join(texts)
    counted = [text for text in texts if len(text) >= SHORT]
    if messages[0][0] == "system" and (system := "".join(_texts(messages[:1])).strip()):
        counted.append(system)
    return lost or next((t for t in counted if rendered.count(t) > whole.count(t)), "")
