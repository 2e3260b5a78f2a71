"""The shape of rules and policy: what operators write in `rules/*.yaml`, checked key by key.

Pure data. Reading files (and naming lines) is the policy store's work, compiling is the detectors'. Unknown keys are
refused, because a misspelt key that is ignored is a guard that is silently off.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from guards.types import Action, Stage, Streaming

Fold = Literal["none", "case", "full"]
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Attempts = Annotated[int, Field(ge=0, le=5)]


class Shape(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


EvidenceText = Annotated[str, Field(pattern=r"^\S+(?: \S+){0,3}$", max_length=80)]
Evidence = list[EvidenceText | Annotated[list[EvidenceText], Field(min_length=1)]]


class Sense(Shape):
    """Terms that count only where their neighbours make them a name: `snap` after `my`, not before `out of it`.

    A form counts with a phrase of `before` directly before it, one of `after` directly behind it, or a word of `near`
    among the three on either side, unless a phrase of `never` stands directly before or behind it. Phrases are one to
    four words; `*` is any word, `^` and `$` are the beginning and the end of a sentence; a list in the list is read as
    part of it. With `case` a form counts only in the capitals it is written in. One of four letters or more that is
    dressed up among plain words (`𝓼𝓷𝓪𝓹`, full-width, letters of another script) needs no evidence but that `never` does
    not speak against it. Words in `unlike` are ordinary ones that a misspelling of a form would look like.
    """

    forms: Annotated[list[Text], Field(min_length=1)]
    before: Evidence = []
    after: Evidence = []
    near: Evidence = []
    never: Evidence = []
    case: bool = False
    unlike: list[Text] = []


Lexicon = tuple[Text | Sense, ...]


class Terms(Shape):
    """Literal terms: inline, or the path of a lexicon file below the rules folder."""

    terms: Text | Annotated[list[Text | Sense], Field(min_length=1)]
    fold: Fold | None = None


class Pattern(Shape):
    """One RE2 expression (linear time; no look-around, no back-references)."""

    pattern: Text
    fold: Fold | None = None


class Phrase(Shape):
    """spaCy token patterns: a list of patterns, each a list of token descriptions."""

    phrase: Annotated[list[Annotated[list[dict[str, Any]], Field(min_length=1)]], Field(min_length=1)]
    fold: Fold | None = None


class Pii(Shape):
    """Presidio entities, with the lowest score that counts (Presidio gives a telephone number without context 0.4)."""

    pii: Annotated[list[Text], Field(min_length=1)]
    score: Annotated[float, Field(ge=0, le=1)] = 0.4


class Classifier(Shape):
    """A head of the local classifier: below `clear` nothing, from `block` on a finding.

    Between them lies the gray band, which is the judge's (`gray`), or nothing at all (`never`); with `always` the judge
    has the last word above it too. `on_timeout` is what counts in the band while no judge has spoken. Words in `open`
    have a message looked at closely even where the cheap gate would clear it.
    """

    classifier: Text
    clear: Annotated[float, Field(ge=0, le=1)] = 0.2
    block: Annotated[float, Field(ge=0, le=1)] = 0.9
    judge: Literal["gray", "always", "never"] = "gray"
    on_timeout: Literal["allow", "block"] = "allow"
    open: list[Text] = []

    @model_validator(mode="after")
    def _clear_lies_below_block(self) -> Classifier:
        if self.clear > self.block:
            raise ValueError("clear must not lie above block")
        return self


FIND_KINDS = ("terms", "pattern", "phrase", "pii", "classifier")


def _kind_of(find: Any) -> str | None:
    if isinstance(find, Mapping):
        return next((kind for kind in FIND_KINDS if kind in find), None)
    return str(type(find).__name__).lower()


Find = Annotated[
    Annotated[Terms, Tag("terms")]
    | Annotated[Pattern, Tag("pattern")]
    | Annotated[Phrase, Tag("phrase")]
    | Annotated[Pii, Tag("pii")]
    | Annotated[Classifier, Tag("classifier")],
    Discriminator(
        _kind_of,
        custom_error_type="find_kind",
        custom_error_message="a find entry needs one of terms, pattern, phrase, pii, classifier",
    ),
]


class InputStage(Shape):
    """What to do with a fan message the rule fires on."""

    action: Literal["log", "redact", "steer", "deflect", "block"]


class OutputStage(Shape):
    """What to do with a reply the rule fires on; `attempts` bounds the regenerations of one turn."""

    action: Literal["log", "redact", "regenerate", "deflect", "block"]
    attempts: Attempts = 2


class Stages(Shape):
    """The stages a rule looks at; one left out is not looked at."""

    input: InputStage | None = None
    output: OutputStage | None = None

    @model_validator(mode="after")
    def _has_a_stage(self) -> Stages:
        if self.input is None and self.output is None:
            raise ValueError("a rule needs a stage: input, output or both")
        return self


class Turn(Shape):
    """One preceding message of an example."""

    role: Literal["user", "assistant"]
    text: Text


class Example(Shape):
    """A text that the rule must fire on (`block`) or must leave alone (`allow`)."""

    block: Text | None = None
    allow: Text | None = None
    context: list[Turn] = []

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Example:
        if (self.block is None) == (self.allow is None):
            raise ValueError("an example is either block: TEXT or allow: TEXT")
        return self

    @property
    def text(self) -> str:
        return self.block or self.allow or ""


class Rule(Shape):
    """One topic."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    title: Text
    mode: Literal["enforce", "shadow", "off"] = "enforce"
    stages: Stages
    allow: list[Text] = []
    find: Annotated[list[Find], Field(min_length=1)]
    fold: Fold = "full"
    on_error: Literal["block", "deflect", "allow"] = "block"
    feedback: Text
    deflections: list[Text] = []
    flag: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] | None = None
    examples: Annotated[list[Example], Field(min_length=1)]

    def action(self, stage: Stage) -> Action | None:
        """What the rule asks for at `stage`; None where it does not look or is off."""
        chosen = self.stages.input if stage == "input" else self.stages.output
        if chosen is None or self.mode == "off":
            return None
        return Action.LOG if self.mode == "shadow" else Action.of(chosen.action)

    def attempts(self) -> int:
        """How many regenerations one turn may cost for this rule."""
        return self.stages.output.attempts if self.stages.output else 0


class Budget(Shape):
    """What repairing one turn may cost. `deadline` is in seconds over all attempts; once these have taken `tokens`,
    asked and answered, no other is made."""

    attempts: Attempts = 2
    deadline: Annotated[float, Field(gt=0, le=300)] = 30.0
    tokens: Annotated[int, Field(ge=1)] | None = None


class JudgeBudget(Shape):
    """What the judge of gray messages may cost: seconds an opinion, and language-model calls a turn."""

    deadline: Annotated[float, Field(gt=0, le=60)] = 2.0
    per_turn: Annotated[int, Field(ge=0, le=50)] = 4


MostHeld = Annotated[int, Field(ge=200, le=100_000)]


class Tenant(Shape):
    """What holds for the turns of one tenant instead; a key left out is the policy's."""

    streaming: Streaming | None = None
    most_held: MostHeld | None = None


class Settings(Shape):
    """`rules/policy.yaml`: what holds for every rule. Once judging one reply has taken `most_judging` seconds of the
    guard's own work, what is left of it counts as what no detector could look at."""

    platform: Text = "OnlyFans"
    streaming: Streaming = "adaptive"
    most_held: MostHeld = 1_000
    most_judging: Annotated[float, Field(gt=0, le=300)] = 10.0
    tenants: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")], Tenant] = {}
    regeneration: Budget = Budget()
    judge: JudgeBudget = JudgeBudget()
    finish_reason: Literal["stop", "content_filter"] = "stop"
    unreadable_parts: Literal["pass", "strip", "refuse"] = "pass"
    deflections: Annotated[list[Text], Field(min_length=1)]

    def streamed(self, tenant: str | None) -> tuple[Streaming, int]:
        """How replies to `tenant` are released, and how many characters are held at most. A tenant that is not named
        here has the policy's."""
        own = self.tenants.get(tenant or "", Tenant())
        return own.streaming or self.streaming, own.most_held or self.most_held


class Policy(Shape):
    """Everything that is put in force together. `lexicons` maps a path as a rule names it to its terms."""

    settings: Settings
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    lexicons: dict[str, Lexicon] = {}
    version: str = "unversioned"

    def filled(self, text: str) -> str:
        """`text` with the placeholder {platform} filled in."""
        return text.replace("{platform}", self.settings.platform)

    def without_judge(self) -> Policy:
        """The same where nobody can be asked: what would count while no judge has spoken, counts."""
        return self.model_copy(update={"rules": tuple(map(_without_judge, self.rules))})

    @cached_property
    def deflection_lines(self) -> frozenset[str]:
        """Every line that may be given instead of an answer, as it is given."""
        lines = [*self.settings.deflections, *(line for rule in self.rules for line in rule.deflections)]
        return frozenset(map(self.filled, lines))


def _without_judge(rule: Rule) -> Rule:
    return rule.model_copy(update={"find": [_settled(entry) for entry in rule.find]})


def _settled(entry: Find) -> Find:
    if not isinstance(entry, Classifier) or entry.judge == "never":
        return entry
    block = entry.clear if entry.on_timeout == "block" else entry.block
    return entry.model_copy(update={"judge": "never", "block": block})
