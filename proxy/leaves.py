"""Every way a piece of JSON can be read as text: unknown text is judged like known text.

Passed over are only values that name things (an id, a role) and look like names, and encoded media.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]

_NAMING = frozenset({
    "role", "type", "id", "call_id", "tool_call_id", "tool_use_id", "item_id", "object", "model", "finish_reason",
    "stop_reason", "system_fingerprint", "service_tier", "detail", "format", "mime_type", "media_type",
    "encrypted_content", "signature", "native_finish_reason",
})  # fmt: skip
_NAME = re.compile(r"[\w.:/+=|-]{1,4096}")
_SEALED = re.compile(r"[A-Za-z0-9+/_=-]*")  # of any length; only the model that wrote it can open it
_SEALED_KEYS = frozenset({"encrypted_content", "signature"})
_KEY = re.compile(r"[\w.:$/-]{1,64}")
_ENCODED = re.compile(r"(?:data:[\w/.+-]+;base64,)?[A-Za-z0-9+/_=\s-]*|https?://\S+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrt\"\\/]))")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}
_MEDIA_TYPES = frozenset({
    "image_url", "input_image", "image", "input_audio", "audio", "input_file", "file", "document", "video_url", "video",
})  # fmt: skip
_STRUCTURES = (dict, list)
_CONTENT: Path = ("content",)
_SPEAKERS = frozenset({"user", "assistant"})
_PLAIN = frozenset({"role", "content"})
_FLAT = len(_PLAIN)
_OFTEN_EMPTY = frozenset({"refusal", "annotations", "audio", "function_call", "tool_calls", "reasoning_content"})
_NOTHING: tuple[object, ...] = (None, "", [])
_MEDIA_KEYS = frozenset({"url", "image_url", "video_url", "data", "file_data", "file_id"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string and its place below the object that was walked."""

    path: Path
    text: str = field(repr=False)


def leaves(value: Any) -> list[Leaf]:
    """Every string in `value` that is text, in order."""
    if isinstance(value, dict) and (text := only_content(value)) is not None:
        return [Leaf(_CONTENT, text)] if text else []
    found: list[Leaf] = []
    _gather(value, (), False, found)
    return found


def only_content(message: Mapping[str, Any]) -> str | None:
    """The text of a message that says nothing else, as most do; None for any other."""
    content, role = message.get("content"), message.get("role")
    if not (isinstance(content, str) and isinstance(role, str) and role in _SPEAKERS):
        return None
    beside = [key for key in message if key not in _PLAIN] if len(message) > _FLAT else []
    return None if any(key not in _OFTEN_EMPTY or message[key] not in _NOTHING for key in beside) else content


def fields(message: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What of a message has `readings`, by its field."""
    text = only_content(message)
    return [("content", text)] if text is not None else [(key, {key: value}) for key, value in message.items()]


def _gather(value: Any, path: Path, in_media: bool, found: list[Leaf]) -> None:
    if isinstance(value, str):
        if value:
            found.append(Leaf(path, value))
    elif isinstance(value, dict):
        in_media = in_media or has_media(value)
        sealed = value.get("type") == "redacted_thinking"
        for key, inner in value.items():
            if not isinstance(inner, str):
                if isinstance(inner, _STRUCTURES):
                    _gather(inner, (*path, key), in_media, found)
            elif sealed and key == "data" and _SEALED.fullmatch(inner):
                continue
            elif inner and not _is_no_text(key, inner, in_media):
                found.append(Leaf((*path, key), inner))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _gather(inner, (*path, number), in_media, found)


def is_name(value: Any) -> bool:
    """True for a string that can only be a name: an id, a role, a reason."""
    return isinstance(value, str) and bool(_NAME.fullmatch(value))


def is_name_of(key: str, value: str) -> bool:
    """True for the value of a naming field (id, role, …) that looks like one."""
    return key in _NAMING and is_name(value)


def is_long_number(value: Any) -> bool:
    """True for a number long enough to be one that is dialled."""
    return isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) > 6


def is_plain_key(key: str) -> bool:
    """True for a key that can only be the name of a field."""
    return key in _NAMING or bool(_KEY.fullmatch(key))


def _is_no_text(key: str, text: str, in_media: bool) -> bool:
    if key in _NAMING:
        return is_name_of(key, text) or (key in _SEALED_KEYS and bool(_SEALED.fullmatch(text)))
    return in_media and key in _MEDIA_KEYS and bool(_ENCODED.fullmatch(text))


def readings(value: Any) -> Iterator[str]:
    """How `value` reads as a whole, beyond its single strings: what a client that joins or decodes it would show.

    A structure reads as its keys and values line by line; a list of strings or text parts also as these joined. A
    string that holds JSON reads as what it decodes to; one with escapes that is no JSON reads as the text they stand
    for.
    """
    if isinstance(value, str):
        yield from _decoded(value)
    elif isinstance(value, dict) and len(value) == 1 and (text := _only_text(value)) is not None:
        yield from _decoded(text)
    elif isinstance(value, _STRUCTURES):
        yield from _glued(value)
        strings = [leaf.text for leaf in leaves(value)]
        lines = list(_lines(value))
        if lines != strings:
            yield "\n".join(lines)
        for text in strings:
            yield from _decoded(text)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _only_text(value: Mapping[str, Any]) -> str | None:
    """The text of the one field of `value`, empty where it only names something; None where there is more to read."""
    ((key, inner),) = value.items()
    if not isinstance(inner, str) or key in _MEDIA_KEYS or not is_plain_key(key):
        return None
    return "" if _is_no_text(key, inner, False) else inner


def _glued(value: Any) -> Iterator[str]:
    """Strings and text parts that stand in one list, as a client joins them."""
    if isinstance(value, list) and len(value) > 1:
        pieces = [inner.get("text") if isinstance(inner, dict) else inner for inner in value]
        yield "".join(piece for piece in pieces if isinstance(piece, str))
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, _STRUCTURES):
            yield from _glued(inner)


def _decoded(text: str) -> Iterator[str]:
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield from (leaf.text for leaf in leaves(value))
            yield from readings(value)
            return
    if "\\" in text and (plain := _ESCAPE.sub(_unescaped, text)) != text:
        yield plain


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else _ESCAPED[escape[2]]


def _lines(value: Any) -> Iterator[str]:
    """Keys and values as a person would read them; a list of single values on one line."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, _STRUCTURES):
                yield from () if is_plain_key(key) else (key,)
                yield from _lines(inner)
            elif not (isinstance(inner, str) and _is_no_text(key, inner, in_media=True)) and _is_said(inner):
                yield str(inner) if is_plain_key(key) else f"{key} {inner}"
            elif not is_plain_key(key):
                yield key
    elif isinstance(value, list):
        single = [str(inner) for inner in value if not isinstance(inner, _STRUCTURES) and _is_said(inner)]
        yield from [" ".join(single)] if single else []
        for inner in value:
            if isinstance(inner, _STRUCTURES):
                yield from _lines(inner)


def _is_said(value: Any) -> bool:
    """True for text, for a number that may be one to dial, and for a digit of one."""
    if isinstance(value, str):
        return value != ""
    return is_long_number(value) or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9)


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
    kind = part.get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and kind in _MEDIA_TYPES and not (kind == "document" and _is_written(part))


def _is_written(document: Mapping[str, Any]) -> bool:
    """True for a document that comes as text."""
    source = document.get("source")
    return isinstance(source, dict) and source.get("type") in ("text", "content")
