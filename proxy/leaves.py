"""Every string in a piece of JSON, with its place: unknown text is judged like known text.

Only values that name things (roles, ids, types) and encoded media are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]

_NAMING = frozenset({
    "role", "type", "id", "call_id", "tool_call_id", "object", "model", "created", "index", "finish_reason",
    "stop_reason", "system_fingerprint", "service_tier", "detail", "format", "mime_type", "media_type",
    "encrypted_content", "signature",
})  # fmt: skip
_MEDIA_TYPES = frozenset({
    "image_url", "input_image", "image", "input_audio", "audio", "input_file", "file", "document", "video_url", "video",
})  # fmt: skip
_MEDIA_KEYS = frozenset({"image_url", "input_audio", "file", "audio", "image", "video_url", "source", "file_data"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string and its place below the object that was walked."""

    path: Path
    text: str = field(repr=False)


def leaves(value: Any, path: Path = ()) -> Iterator[Leaf]:
    """Every string in `value` that is text, in order."""
    if isinstance(value, str):
        if value:
            yield Leaf(path, value)
    elif isinstance(value, Mapping):
        passed_over = _NAMING | _MEDIA_KEYS if has_media(value) else _NAMING
        for key, inner in value.items():
            if key not in passed_over:
                yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))


def put(value: Any, path: Path, text: str) -> Any:
    """A copy of `value` with the string at `path` replaced; what is not on the path is shared, not copied."""
    if not path:
        return text
    step, *rest = path
    if isinstance(value, list) and isinstance(step, int):
        return [put(inner, tuple(rest), text) if at == step else inner for at, inner in enumerate(value)]
    return {**value, step: put(value[step], tuple(rest), text)}


def has_media(part: Any) -> bool:
    """True for a content part that is no text: an image, audio, a file."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    return isinstance(kind, str) and kind in _MEDIA_TYPES
