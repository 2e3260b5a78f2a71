"""Flags out of settings: every setting but a secret has one, so that none can be forgotten."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection
from typing import Any, TypeVar

import click
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from proxy.settings import ProxySettings

Command = TypeVar("Command", bound=Callable[..., Any])
SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def flags(
    settings: type[BaseSettings], *, only: Collection[str] = (), but: Collection[str] = ()
) -> Callable[[Command], Command]:
    """A decorator that gives a command a flag for each setting; `only` and `but` choose by name."""

    def decorate(command: Command) -> Command:
        for name, field in reversed(settings.model_fields.items()):
            if (not only or name in only) and name not in but and not is_secret(field):
                command = _option(name, field)(command)
        return command

    return decorate


def is_secret(field: FieldInfo) -> bool:
    """True for a setting that is read from the environment alone."""
    return SecretStr in (field.annotation, *getattr(field.annotation, "__args__", ()))


def flag_of(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def read(settings: type[SettingsT], given: dict[str, Any]) -> SettingsT:
    """The settings with the flags that were given (None means not given). Raises click.ClickException."""
    try:
        return settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise click.ClickException("; ".join(problems)) from None
    except tomllib.TOMLDecodeError as error:
        raise click.ClickException(f"chaperone.toml: {error}") from None


def proxy_settings(**given: Any) -> ProxySettings:
    """The proxy's settings with the flags that were given. Raises click.ClickException."""
    return read(ProxySettings, given)


def _option(name: str, field: FieldInfo) -> Callable[[Command], Command]:
    default = "" if field.default in (PydanticUndefined, "") else f" [{field.default}]"
    text = f"{field.description or ''}{default}"
    if field.annotation is bool:
        return click.option(f"{flag_of(name)}/--no{flag_of(name)[1:]}", name, default=None, help=text)
    return click.option(flag_of(name), name, default=None, metavar="VALUE", help=text)
