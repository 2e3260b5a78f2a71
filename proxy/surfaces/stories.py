"""`/v1/stories`: beats in, prose out, each beat's prose a choice of its own and all of them in their order one text.

A beat that may not pass is written again by itself, and the others stay. An interactive story is kept at the upstream,
where its beats are written again too, so that what the fan saw is what the next beat goes on from; its beats come
whole, never streamed. What a fan has written (beats, characters, prose of their own) is not shown again where it would
not pass as a reply.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from guards.errors import MalformedRequest, UpstreamError
from proxy.answers import error_body
from proxy.leaves import Leaf, leaves, put
from proxy.surfaces.stories_stream import StoryStream
from proxy.surfaces.story_body import beside, shown, story_of
from proxy.wire import MAX_PARTS, ChatRequest, Json, read_json, request_of

PATH = "/v1/stories"
ID = re.compile(r"[\w-]{1,80}", re.ASCII)
_BEAT = re.compile(rf"{PATH}/({ID.pattern})/beats/(\d{{1,3}})", re.ASCII)
_WRITTEN = ("beats", "characters", "so_far", "prose", "past_prose", "guidance")
_KEPT_ONCE_MORE = ("model", "characters", "temperature", "max_tokens", "user", "metadata")


@dataclass(frozen=True, slots=True)
class StoryRequest(ChatRequest):
    """A story to tell; `messages` are its texts. `at` is the beat that `once_more` asks for, `before` the story before
    it, and `story` the interactive story at the upstream that it belongs to."""

    surface: ClassVar[str] = "stories"
    one_text: ClassVar[bool] = True

    at: int = 0
    before: str = field(default="", repr=False)
    story: str = ""

    @property
    def upstream(self) -> str:
        """Where it is told, or its beat written."""
        return f"/stories/{self.story}/beats/{self.at}" if self.story else "/stories"

    @property
    def choices(self) -> int:
        """One a beat."""
        beats = self.raw.get("beats")
        return len(beats) if isinstance(beats, list) else 1

    def with_messages(self, messages: Sequence[Json]) -> Json:
        """The request's JSON with other texts; what the operator says is guidance."""
        raw: Json = self.raw
        for leaf, message in zip(_texts(raw), messages, strict=False):
            raw = put(raw, leaf.path, message["content"])
        told = [message["content"] for message in messages if message["role"] == "system"]
        guidance = "\n\n".join([*filter(None, [raw.get("guidance", "")]), *told])
        return {**raw, "guidance": guidance} if told else raw

    def once_more(self, messages: Sequence[Json]) -> Json:
        """The JSON that asks for one beat alone, in another way."""
        raw = self.with_messages(messages)
        past = "\n\n".join(message["content"] for message in messages if message["role"] == "assistant")
        anew = {"guidance": raw.get("guidance", ""), "past_prose": past, "stream": False}
        if self.story:
            return {"action": "regenerate", **anew}
        kept = {key: raw[key] for key in _KEPT_ONCE_MORE if key in raw}
        so_far = "\n\n".join(filter(None, [raw.get("so_far", ""), self.before]))
        return {**kept, "beats": raw["beats"][self.at : self.at + 1], "mode": "sequential", "so_far": so_far, **anew}

    def for_choice(self, index: int, before: Sequence[str], reply: Json) -> StoryRequest:
        """As for chat; an interactive story is known by the reply."""
        made = reply.get("id") if reply.get("mode") == "interactive" else ""
        story = made if isinstance(made, str) and ID.fullmatch(made) else ""
        return replace(self, at=index, before="\n\n".join(filter(None, before)), story=self.story or story)

    def place(self, at: int) -> str:
        """Where text number `at` stands in the request's JSON."""
        return ".".join(map(str, _texts(self.raw)[at].path))

    def text_in(self, reply: Json) -> str:
        """The prose of the beat that was asked for."""
        beats = reply.get("beats")
        at = self.at if self.story else 0
        beat = beats[at] if isinstance(beats, list) and at < len(beats) else None
        prose = beat.get("prose") if isinstance(beat, dict) else None
        return prose if isinstance(prose, str) else ""

    def told(self, text: str) -> list[Json]:
        """Nothing: a story does not come back as history."""
        return []


class StoriesSurface:
    """Stories told in one go, or begun. Errors are OpenAI's."""

    path = PATH

    def read(self, body: bytes, conversation: str | None) -> StoryRequest:
        """The request in `body`. Raises MalformedRequest."""
        raw = read_json(body)
        beats = raw.get("beats")
        if not isinstance(beats, list) or not beats:
            raise MalformedRequest("beats must be a list with at least one beat", param="beats")
        if raw.get("mode") == "interactive" and raw.get("stream"):
            raise _not_streamed()
        return _request(raw, conversation)

    def error(self, message: str, kind: str, code: str, param: str | None = None) -> Json:
        """OpenAI's error object."""
        return error_body(message, kind, code, param)

    def choices(self, request: ChatRequest, reply: Json) -> list[Json]:
        """One choice a beat. Raises UpstreamError."""
        beats = reply.get("beats")
        if not isinstance(beats, list) or not beats or not all(map(_has_prose, beats)):
            raise UpstreamError("the upstream's answer has no list of beats with prose", code="upstream_broken")
        return [self.repaired(at, "", beat["prose"], "stop") for at, beat in enumerate(beats)]

    def beside(self, request: ChatRequest, reply: Json) -> Json:
        """Everything but the prose."""
        return beside(reply)

    def said(self, message: Json) -> str:
        """The prose."""
        return str(message["content"])

    def mended(self, came: Json, message: Json) -> Json:
        """The message: nothing in it depends on its text."""
        return message

    def repaired(self, index: int, turn: str, text: str, finish: str) -> Json:
        """A choice of one beat."""
        return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": finish}

    def whole(self, request: ChatRequest, reply: Json, beside: Json, choices: list[Json]) -> Json:
        """A story with this prose."""
        return story_of(
            shown(self.beside(request, reply), beside), [self.said(choice["message"]) for choice in choices]
        )

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """A story that ends with its first beat."""
        mode = request.raw.get("mode")
        head = {"id": f"story-{turn}", "mode": mode if isinstance(mode, str) else "whole"}
        return story_of(head, [text, *[""] * (request.choices - 1)])

    def stream(self, request: ChatRequest, turn: str, created: int) -> StoryStream:
        """A stream of deltas, each with its beat."""
        return StoryStream(request, turn)


class BeatSurface(StoriesSurface):
    """One beat of an interactive story; `path` names both."""

    def __init__(self, path: str, story: str, index: int) -> None:
        self.path = path
        self._story = story
        self._index = index

    def read(self, body: bytes, conversation: str | None) -> StoryRequest:
        """The request in `body`. Raises MalformedRequest."""
        raw = read_json(body)
        if raw.get("stream"):
            raise _not_streamed()
        return replace(_request(raw, conversation), story=self._story, at=self._index)

    def answer(self, request: ChatRequest, turn: str, text: str, finish: str, created: int) -> Json:
        """What was not done is told as the beat's prose."""
        return story_of({"id": self._story, "mode": "interactive"}, [*[""] * self._index, text])


def beat_surface(path: str) -> BeatSurface | None:
    """The surface of a beat's path; None for any other path."""
    found = _BEAT.fullmatch(path)
    return BeatSurface(path, found[1], int(found[2])) if found else None


def _texts(raw: Json) -> list[Leaf]:
    return [Leaf((key, *leaf.path), leaf.text) for key in _WRITTEN for leaf in leaves(raw.get(key))]


def _request(raw: Json, conversation: str | None) -> StoryRequest:
    texts = _texts(raw)
    if len(texts) > MAX_PARTS:
        raise MalformedRequest(f"a story holds at most {MAX_PARTS} texts: send fewer characters", param="characters")
    messages = [{"role": "user", "content": leaf.text} for leaf in texts]
    return request_of(StoryRequest, raw, messages, conversation)


def _has_prose(beat: Any) -> bool:
    return isinstance(beat, dict) and isinstance(beat.get("prose"), str)


def _not_streamed() -> MalformedRequest:
    return MalformedRequest(
        "the beats of an interactive story come whole, so that one can be written again before it is seen: leave out "
        "stream",
        param="stream",
    )
