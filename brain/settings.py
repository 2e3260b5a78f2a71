"""The persona service's settings: flags, then environment, then `chaperone.toml`, then defaults.

It stands apart as the only place in `brain/` that reads the environment; everything else takes what it needs as
arguments.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

SETTINGS_FILE = "chaperone.toml"


def default_training_data() -> Path:
    """`./training_data` where it exists, else the folder that comes with the project."""
    here = Path("training_data")
    return here if here.is_dir() else Path(__file__).parents[1] / "training_data"


def zone(name: str) -> tzinfo:
    """The time zone of a known name. UTC needs no time zone database, which slim images lack."""
    return UTC if name == "UTC" else ZoneInfo(name)


def known_zone(name: str) -> str:
    """`name` as it is, if this system has such a time zone. Raises ValueError saying what to write instead."""
    try:
        return name if name == "UTC" else ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone of this system; use a name such as Europe/Berlin") from None


def _key(name: str) -> SecretStr | None:
    secret: SecretStr | None = Field(default=None, validation_alias=AliasChoices(name.lower(), name))
    return secret


class PersonaSettings(BaseSettings):
    """All settings; each but a secret is also `CHAPERONE_<NAME>` and a line in `chaperone.toml`.

    Secrets come from the environment (or from code) only, never from the file. Keys of other services in the file are
    ignored. Raises pydantic.ValidationError naming each setting that cannot be used.
    """

    model_config = SettingsConfigDict(
        env_prefix="CHAPERONE_", toml_file=SETTINGS_FILE, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    host: str = Field(default="127.0.0.1", description="Where to listen.")
    persona_port: int = Field(default=8081, ge=0, le=65535, description="0 chooses a free one.")
    training_data: Path = Field(default_factory=default_training_data, description="Persona files and conversations.")
    default_persona: str = Field(default="mila", description="Who answers to the model name persona.")
    persona_timezone: str = Field(default="UTC", description="Time zone of a persona whose file names none.")
    data: Path = Field(default=Path("data"), description="Where everything that is written lives.")

    lm: str = Field(default="", description="The model: offline, together/…, ollama_chat/…, groq/…, openai/….")
    lm_base_url: str = Field(default="", description="Base URL of any other OpenAI-compatible model API.")
    lm_api_key: SecretStr | None = None
    together_api_key: SecretStr | None = _key("TOGETHER_API_KEY")
    openai_api_key: SecretStr | None = _key("OPENAI_API_KEY")
    groq_api_key: SecretStr | None = _key("GROQ_API_KEY")
    cerebras_api_key: SecretStr | None = _key("CEREBRAS_API_KEY")
    lm_timeout: float = Field(default=60.0, gt=0, description="Seconds the model may be silent.")
    fallback_lm: str = Field(default="", description="The model asked where --lm fails; named like it.")
    fallback_lm_base_url: str = Field(
        default="", description="Base URL of --fallback-lm, if it is no known provider's."
    )
    fallback_lm_api_key: SecretStr | None = None
    on_lm_failure: Literal["voice", "error"] = Field(
        default="voice", description="Where every model fails: a line in the persona's voice, or an error."
    )
    temperature: float = Field(default=0.8, ge=0, le=2, description="Unless the request says otherwise.")
    max_tokens: int = Field(default=300, ge=1, description="Tokens of a reply, unless the request says otherwise.")
    n_candidates: int = Field(default=1, ge=1, le=8, description="Replies written at once, of which the best is sent.")
    choose_by: Literal["voice", "judge"] = Field(
        default="voice", description="Who chooses: a score of the voice, where there is one, or the model."
    )
    demos: int = Field(default=4, ge=1, le=32, description="Sample exchanges shown to the model.")

    second_reading: bool = Field(
        default=False, description="Let the model read what the local reading of fans leaves open: one call more."
    )

    memory: str = Field(default="", description="Where conversations are remembered: redis://…, or a file.")
    memory_budget: int = Field(
        default=1500, ge=100, description="Tokens of a conversation kept word for word; older ones are summed up."
    )
    memory_days: int = Field(default=365, gt=0, description="Days a conversation is remembered after its last message.")

    guard_url: str = Field(
        default="", description="Base URL of the proxy that judges what a persona says first; else it never does."
    )
    proactive_webhook: str = Field(default="", description="Where what personas say first is posted.")
    proactive_per_minute: int = Field(default=10, ge=1, description="Messages that the webhook gets, at most.")
    webhook_key: SecretStr | None = None

    offline_slip_rate: float = Field(
        default=0.5, ge=0, le=1, description="How often the offline persona slips, 0 to 1."
    )
    offline_delay: float = Field(default=0.015, ge=0, le=10, description="Seconds before each of its words.")

    @property
    def timezone(self) -> tzinfo:
        """The time zone of a persona whose file names none."""
        return zone(self.persona_timezone)

    @field_validator("persona_timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        return known_zone(name)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Strongest first: arguments, environment, file."""
        return init_settings, env_settings, _WithoutSecrets(settings_cls)


class _WithoutSecrets(TomlConfigSettingsSource):
    """The settings file, minus anything secret that somebody wrote into it."""

    def __call__(self) -> dict[str, object]:
        return {name: value for name, value in super().__call__().items() if not name.lower().endswith("_key")}
