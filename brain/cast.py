"""The cast: the personas that are served, each with its voice and what speaks for it.

It stands apart as the place where persona files become programs. A cast never changes; an edit of the files makes a
new one, in which who has not changed stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from brain.chat import Json
from brain.embedding import Embed
from brain.labelled import FILE_NAME, other_people
from brain.lms.choice import OFFLINE, ChosenLM, UnknownModel, choose, choose_fallback
from brain.manner import manner_of
from brain.persona import Persona
from brain.persona_files import ANY_PERSONA, FOLDER, PersonaCard, PersonaData, read_personas
from brain.persona_program import load_learnt, program_file
from brain.settings import PersonaSettings, zone
from brain.speaker import Speaker
from brain.stories.choice import teller_of
from brain.stories.samples import read_samples
from brain.stories.shapes import Narrator
from brain.stories.teller import Teller
from brain.voice import Voice
from brain.voice_score import FEWEST_LINES, LazyScore, VoiceScore
from guards.errors import PolicyError, Problem

# Lines of other people that a voice score is fitted beside.
OTHER_LINES = 1_000

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Member:
    """One persona as it is served. `lm` is the label of what speaks for it, `clock` its local time."""

    card: PersonaCard = field(repr=False)
    version: str
    voice: Voice = field(repr=False)
    speaker: Speaker = field(repr=False)
    teller: Teller = field(repr=False)
    lm: str
    clock: Clock = field(repr=False)
    chosen: ChosenLM = field(repr=False)
    score: LazyScore | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """The personas by their model ids, in order of their files, and the one that answers to `persona`."""

    members: Mapping[str, Member]
    default: Member

    def find(self, model: str) -> Member | None:
        """Who answers to this model name, however its capitals; None when nobody does."""
        name = model.lower()
        return self.default if name == ANY_PERSONA else self.members.get(name)

    def prepare(self) -> None:
        """Builds what is built at the first use: a service does so in a thread, before its first turn."""
        for member in self.members.values():
            member.voice.prepare()
            if member.score:
                member.score.prepare()


class Casting:
    """Makes a cast of the persona files as they are now, as often as it is asked.

    `clock` gives the local time of a persona without a time zone; `meaning` embeds texts by what they mean; `chosen`
    speaks for all, whatever the settings and the files say. Language models are opened once each and kept till the end.
    """

    def __init__(
        self, settings: PersonaSettings, clock: Clock, *, meaning: Embed | None = None, chosen: ChosenLM | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._meaning = meaning
        self._chosen = chosen
        self._samples = read_samples(settings.training_data)
        self._models: dict[str, ChosenLM] = {}
        self._last: dict[str, Member] = {}

    def __call__(self) -> Cast:
        """The cast. Raises PolicyError with every problem of the files, UnknownModel for the settings' own LM, and
        ProgramError for what a persona was taught."""
        found = read_personas(self._settings.training_data)
        problems: list[Problem] = []
        members: dict[str, Member] = {}
        for data in found:
            try:
                members[data.card.model_id] = self._member(data)
            except UnknownModel as error:
                if data.card.lm is None and data.card.fallback_lm is None:
                    raise
                key = "fallback_lm" if "FALLBACK" in str(error) else "lm"
                problems.append(data.problem(key, str(error)))
        if problems:
            raise PolicyError(problems)
        self._last = members
        return Cast(members, self._default(members))

    async def aclose(self) -> None:
        """Closes every language model that was opened."""
        for model in [*self._models.values(), *([self._chosen] if self._chosen else [])]:
            await model.engine.aclose()

    def _member(self, data: PersonaData) -> Member:
        before = self._last.get(data.card.model_id)
        if before and before.version == data.version:
            return before
        card = data.card
        voice = Voice(card, data.conversations.exchanges(), self._settings.demos, self._meaning)
        lm = self._chosen or self._model(card.lm or "", voice)
        clock = self._clock_of(card)
        options = self._options(card)
        second = self._second(card.fallback_lm or "", voice)
        score = self._score(card, voice)
        manner = manner_of(
            self._settings, voice, lm, second,
            several_messages=card.several_messages, candidates=card.n_candidates, score=score,
        )  # fmt: skip
        speaker = Speaker(self._program(card, voice, lm), lm, options, clock, manner)
        narrator = Narrator(card.name, card.voice, card.platform)
        teller = teller_of(narrator, lm, options, self._samples, delay=self._settings.offline_delay)
        return Member(card, data.version, voice, speaker, teller, lm.label, clock, lm, score)

    def _program(self, card: PersonaCard, voice: Voice, lm: ChosenLM) -> Persona:
        """The program with what it was taught. Not the offline engine's: it would take taught replies for said ones."""
        persona, path = Persona(voice), self._settings.data / program_file(card.model_id)
        return load_learnt(path).put_on(persona) if lm.label != OFFLINE and path.exists() else persona

    def _score(self, card: PersonaCard, voice: Voice) -> LazyScore | None:
        """What chooses among candidates by the voice; None where there is one, or too little to know the voice by."""
        count = card.n_candidates or self._settings.n_candidates
        if count == 1 or self._settings.choose_by != "voice" or len(voice.exchanges) < FEWEST_LINES:
            return None
        path = self._settings.training_data / FILE_NAME
        return LazyScore(lambda: VoiceScore.of(voice.exchanges, other_people(path, OTHER_LINES), self._meaning))

    def _model(self, name: str, voice: Voice) -> ChosenLM:
        """The language model of a name, or that of the settings where there is none."""
        if name not in self._models:
            settings = self._settings.model_copy(update={"lm": name}) if name else self._settings
            return self._kept(name, choose(settings, voice))
        return self._models[name]

    def _second(self, name: str, voice: Voice) -> ChosenLM | None:
        """The language model that is asked where the first fails."""
        key = f"fallback {name}"
        if key not in self._models:
            settings = self._settings.model_copy(update={"fallback_lm": name}) if name else self._settings
            model = choose_fallback(settings, voice)
            return model and self._kept(key, model)
        return self._models[key]

    def _kept(self, key: str, model: ChosenLM) -> ChosenLM:
        if model.label != OFFLINE:  # that one speaks with one persona's own lines
            self._models[key] = model
        return model

    def _options(self, card: PersonaCard) -> Json:
        return {
            "temperature": self._settings.temperature if card.temperature is None else card.temperature,
            "max_tokens": card.max_tokens or self._settings.max_tokens,
        }

    def _clock_of(self, card: PersonaCard) -> Clock:
        if card.time_zone is None:
            return self._clock
        local = zone(card.time_zone)
        return lambda: self._clock().astimezone(local)

    def _default(self, members: Mapping[str, Member]) -> Member:
        wanted = self._settings.default_persona.lower()
        if wanted not in members and "default_persona" in self._settings.model_fields_set:
            said = f"default_persona is {wanted}, and there is none of that name: use {', '.join(members)}"
            raise PolicyError([Problem(FOLDER, 0, said)])
        return members.get(wanted) or next(iter(members.values()))
