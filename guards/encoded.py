"""Encoded: short stretches of base64, hexadecimal, binary, character codes and Morse code, read.

Only what looks like one of them is tried, at most a few a text, and only printable ASCII with letters in it counts as
decoded: ordinary words, numbers and links stay what they are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from guards.views import View, replaced

_MOST_TRIED = 8
_LEAST = 4
_HINT = re.compile(r"[\d=]|[a-z][A-Z]|[.-] [.-]")
_CODES = re.compile(
    r"(?<![\w+/=.@-])(?:"
    r"(?P<binary>[01]{8}(?:[ ,]?[01]{8}){3,40})"
    r"|(?P<hex>(?:0x|\\x)?[0-9a-fA-F]{2}(?:[ ,:]{0,2}(?:0x|\\x)?[0-9a-fA-F]{2}){3,80})"
    r"|(?P<decimal>\d{2,3}(?:[ ,.-]{1,2}\d{2,3}){3,40}(?!\d))"
    r"|(?P<morse>[.-]{1,5}(?:[ /|]{1,3}[.-]{1,5}){2,80})"
    r"|(?P<base64>[A-Za-z0-9+/_-]{6,200}={0,2})"
    r")(?![\w+/=@-])"
)
_NOT_HEX = re.compile(r"0x|\\x|[ ,:]", re.IGNORECASE)
_READABLE = re.compile(r"[ -~]*[A-Za-z]{2}[ -~]*")
_DIGITS = re.compile(r"\d+")
_MORSE = {
    ".-": "a", "-...": "b", "-.-.": "c", "-..": "d", ".": "e", "..-.": "f", "--.": "g", "....": "h", "..": "i",
    ".---": "j", "-.-": "k", ".-..": "l", "--": "m", "-.": "n", "---": "o", ".--.": "p", "--.-": "q", ".-.": "r",
    "...": "s", "-": "t", "..-": "u", "...-": "v", ".--": "w", "-..-": "x", "-.--": "y", "--..": "z",
}  # fmt: skip
_LEAST_LETTERS = 3


def decoded(base: View) -> View | None:
    """`base` with what is encoded read; None when nothing is. Linear."""
    if _HINT.search(base.text) is None:
        return None
    changes = list(_changes(base.text))
    return replaced("decoded", base, changes) if changes else None


def _changes(text: str) -> Iterator[tuple[int, int, str]]:
    tried = 0
    for code in _CODES.finditer(text):
        kind = str(code.lastgroup)
        if kind == "base64" and not _may_be_base64(code[0]):
            continue
        tried += 1
        if tried > _MOST_TRIED:
            return
        read = _READERS[kind](code[0])
        if len(read) >= (_LEAST_LETTERS if kind == "morse" else _LEAST) and _READABLE.fullmatch(read):
            yield code.start(), code.end(), read


def _may_be_base64(code: str) -> bool:
    """True where a word would not be written so: capitals inside it, digits among its letters, or = at its end."""
    if code.isalpha() and (code.islower() or code.isupper() or code.istitle()):
        return False
    return code.endswith("=") or (not code.isdigit() and not code.islower() and len(code) >= _LEAST * 2)


def _base64(code: str) -> str:
    bare = code.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _hex(code: str) -> str:
    if code.isdigit():
        return ""
    try:
        return bytes.fromhex(_NOT_HEX.sub("", code)).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return _base64(code)


def _binary(code: str) -> str:
    bits = "".join(filter(str.isdigit, code))
    return "".join(chr(int(bits[at : at + 8], 2)) for at in range(0, len(bits), 8))


def _decimal(code: str) -> str:
    return "".join(map(chr, map(int, _DIGITS.findall(code))))


def _morse(code: str) -> str:
    """The letters, words apart where a stroke stands; nothing for mere rows of dots or of dashes."""
    if len(set(code) & set(".-")) < 2:
        return ""
    return " ".join("".join(_MORSE.get(sign, "") for sign in re.split(r"[ |]+", word)) for word in code.split("/"))


_READERS: dict[str, Callable[[str], str]] = {
    "base64": _base64, "hex": _hex, "binary": _binary, "decimal": _decimal, "morse": _morse,
}  # fmt: skip
