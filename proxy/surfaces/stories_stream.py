"""The stream of a story: each event a piece of one beat's prose, the last one the story as it really went out.

It stands apart because beats come in order: what is said of one is never gone back to, so that all of it can be judged
as one text.
"""

from __future__ import annotations

from guards.errors import UpstreamError
from proxy.alike import Alike
from proxy.sse import END, event
from proxy.surfaces.base import Arrived, Held
from proxy.surfaces.story_body import beside, shown, story_of
from proxy.wire import ChatRequest, Json, write_json

_MOST_BEATS = 1000


class StoryStream:
    """Implements StreamShape."""

    def __init__(self, request: ChatRequest, turn: str) -> None:
        self.alike: Alike | None = None
        self._beats = request.choices
        mode = request.raw.get("mode")
        self._base: Json = {"id": f"story-{turn}", "mode": mode if isinstance(mode, str) else "whole"}
        self._came: Json = {}
        self._proses: dict[int, str] = {}
        self._at = 0

    def read(self, data: Json) -> Arrived:
        """A delta or the end of a beat, the whole story, or an error. Raises UpstreamError."""
        if "error" in data:
            return Arrived(error=data)
        if "beats" in data:
            self._came = beside(data)
            return Arrived(beside=self._came)
        at, delta = data.get("beat"), data.get("delta")
        if not isinstance(at, int) or not self._at <= at < _MOST_BEATS or not isinstance(delta, str | None):
            raise UpstreamError("the upstream's event names no beat, or one that is over", code="upstream_broken")
        self._at = at
        choice = {"index": at, "delta": {} if delta is None else {"content": delta}}
        left = {key: value for key, value in data.items() if key not in ("beat", "delta", "done")}
        return Arrived([{**choice, "finish_reason": "stop" if data.get("done") is True else None}], left)

    def take(self, fields: Json) -> None:
        """Keeps what every event repeats, and in the end the story without its prose."""
        self._base |= shown(self._came, fields)

    def alone(self) -> bytes:
        """Nothing: the whole story goes out last."""
        return b""

    def write(self, out: Json, choice: Held) -> bytes:
        """One delta of one beat, or its end."""
        text = out["delta"].get("content", "")
        said = self._said(choice.index, text) if text else b""
        return said + (self._done(choice.index) if out["finish_reason"] else b"")

    def repaired(self, choice: Held, text: str, finish: str) -> bytes:
        """The rest of a beat, and its end."""
        return self._said(choice.index, text) + self._done(choice.index)

    def told(self, error: Json) -> bytes:
        """The upstream's error event."""
        return event(write_json(error))

    def failed(self, error: Json) -> bytes:
        """An event with an error object."""
        return event(write_json(error))

    def end(self, cut: bool, usage: dict[str, int]) -> tuple[bytes, bytes]:
        """The whole story, and `[DONE]`."""
        count = max([self._beats, *(at + 1 for at in self._proses)])
        proses = [self._proses.get(at, "") for at in range(count)]
        return event(write_json(story_of(self._base, proses))), END

    def _said(self, beat: int, text: str) -> bytes:
        self._proses[beat] = self._proses.get(beat, "") + text
        return event(write_json({"id": self._base["id"], "beat": beat, "delta": text}))

    def _done(self, beat: int) -> bytes:
        return event(write_json({"id": self._base["id"], "beat": beat, "done": True}))
