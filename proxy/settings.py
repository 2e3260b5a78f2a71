"""The proxy's settings: flags, then CHAPERONE_… variables, then chaperone.toml, then these defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

MOST_WORKERS = 64
_SECRET = ("_key", "_token")
_PROJECT = Path(__file__).resolve().parent.parent


def _shipped(name: str) -> Path:
    """The folder `name` here, else the one the project ships."""
    return Path(name) if Path(name).is_dir() else _PROJECT / name


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="CHAPERONE_", toml_file="chaperone.toml", extra="ignore", hide_input_in_errors=True,
        env_ignore_empty=True,
    )  # fmt: skip

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Strongest first: flags, environment, file."""
        return init_settings, env_settings, _WithoutSecrets(settings_cls)


class ProxySettings(_Settings):
    """What the proxy may be told from outside; `description` is what `--help` says. Secrets come from the environment
    alone."""

    host: str = Field("127.0.0.1", description="Where to listen.")
    port: int = Field(8080, ge=0, le=65535, description="The proxy's port; 0 chooses a free one.")
    persona_port: int = Field(8081, ge=0, le=65535, description="The persona service's port; 0 chooses a free one.")
    upstream: str = Field("http://127.0.0.1:8081/v1", description="Base URL of the model API, with its /v1.")
    upstream_key: SecretStr | None = Field(None, description="Sent to the upstream instead of the client's key.")
    data: Path = Field(Path("data"), description="Where everything that is written lives.")
    rules: Path = Field(default_factory=lambda: _shipped("rules"), description="The rules folder.")
    judge_lm: str = Field("", description="The model that judges gray messages; else that of --lm; off for none.")
    connect_timeout: float = Field(10.0, gt=0, description="Seconds to reach the upstream.")
    read_timeout: float = Field(120.0, gt=0, description="Seconds of silence after which the upstream is given up.")
    max_body: int = Field(4 * 1024 * 1024, gt=0, description="Bytes a request may have.")
    max_turns: int = Field(1000, gt=0, description="Turns each worker serves at once; one more is answered 503.")
    workers: int = Field(1, ge=1, le=MOST_WORKERS, description="Processes that serve the port; one for each core.")
    ws_origins: str = Field("", description="Origins of pages, besides its own, that may open /ws/chat; * for any.")
    rule_headers: bool = Field(False, description="Name the rules that fired in the header x-chaperone-rules.")
    retention_days: int = Field(90, gt=0, description="Days a record stays in the blocked-turn log, and feedback.")
    operator_key: SecretStr | None = Field(None, description="Opens what the try-it page shows to operators alone.")


class TelegramSettings(_Settings):
    """What the Telegram bot may be told from outside; as above."""

    tg_bot_token: SecretStr | None = Field(None, validation_alias=AliasChoices("tg_bot_token", "TG_BOT_TOKEN"))
    telegram_api: str = Field("https://api.telegram.org", description="Base URL of the Bot API.")
    telegram_base_url: str = Field("http://127.0.0.1:8080/v1", description="Base URL of the proxy that it talks to.")
    telegram_model: str = Field("persona", description="The model it asks for.")
    telegram_timeout: float = Field(120.0, gt=0, description="Seconds it waits for a reply.")
    telegram_sorry: str = Field(
        "sorry, i got distracted for a second. say that again?",
        description="What a fan is told when no reply can be had.",
    )


class _WithoutSecrets(TomlConfigSettingsSource):
    """The settings file, minus anything secret that somebody wrote into it."""

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if not name.lower().endswith(_SECRET)}


@contextmanager
def counting_in(folder: Path) -> Iterator[None]:
    """Processes that are started meanwhile count their metrics in `folder`: prometheus_client is told so by the
    environment alone."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["PROMETHEUS_MULTIPROC_DIR"]


def telegram_gives_timedeltas() -> None:
    """python-telegram-bot is told by the environment alone to give times in the way that it will keep."""
    os.environ["PTB_TIMEDELTA"] = "1"
