"""What Hydra and OmegaConf say of a configuration in many lines, in one of our own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from harness.errors import RequestError
from harness.names import nearest
from harness.overrides import GROUPS, choices

_SETTING_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
_AMBIGUOUS = re.compile(
    r"Ambiguous value for argument '\+*(?P<key>[^=]+)=(?P<value>.*)'$", re.MULTILINE
)
_NO_PLACE = re.compile(r"Index ('.*') \(str\) is not an int")
_NO_MIX = "a list where a mapping stands, or the other way round: set its fields by their names"
_OF_LISTS = {
    "list index out of range": "the list has fewer items, and they are numbered from 0",
    "Cannot merge DictConfig with ListConfig": _NO_MIX,
    "Cannot merge ListConfig with DictConfig": _NO_MIX,
}


@contextmanager
def as_request_error() -> Iterator[None]:
    """What Hydra and OmegaConf raise within the block becomes a RequestError."""
    try:
        yield
    except _SETTING_ERRORS as error:
        raise RequestError(explain(error)) from error
    except TypeError as error:  # OmegaConf's, for task.metrics.x
        if found := _NO_PLACE.fullmatch(str(error)):
            raise RequestError(f"{found[1]}: no place in a list: its items are 0, 1, …") from error
        raise


def explain(error: Exception) -> str:
    """One line for what Hydra or OmegaConf said in many."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.removesuffix(".yaml").partition("/")
        if group not in GROUPS:
            return f"{error.missing_cfg_file.removesuffix('.yaml')}: Hydra has no such file here"
        hint = nearest(name, choices(group)) or f"; harness --help {group} lists them"
        return f"{group}={name}: no such {group}{hint}"
    if found := _AMBIGUOUS.search(str(error)):
        key, value = found["key"], found["value"]
        return f"{key}={value}: add -m to run each; for one text write {key}='\"{value}\"'"
    cause = error.__cause__
    if isinstance(error, ConfigCompositionException) and isinstance(cause, OmegaConfBaseException):
        error = cause
    if isinstance(error, MissingMandatoryValue) and error.full_key:
        return f"{error.full_key}: has to be set; write {error.full_key}=VALUE"
    if isinstance(error, OmegaConfBaseException) and error.msg:
        said = str(error.msg).splitlines()[0]
        for words, meant in _OF_LISTS.items():
            said = meant if words in said else said
        return f"{error.full_key}: {said}" if error.full_key else said
    return " ".join(line.strip() for line in str(error).splitlines() if line.strip())
