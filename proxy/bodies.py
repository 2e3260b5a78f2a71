"""Bodies in and answers out for the paths that FastAPI serves; the guarded route has its own, faster ones."""

from __future__ import annotations

from fastapi import Request, Response

from guards.errors import MalformedRequest
from proxy.answers import Answer


async def limited(request: Request, most: int) -> bytes:
    """The request's body. Raises MalformedRequest when it is larger than `most` bytes."""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise MalformedRequest(f"the body is larger than {most} bytes", status=413, code="body_too_large")
    return b"".join(pieces)


def response(answer: Answer) -> Response:
    """`answer` as a response of FastAPI, header for header."""
    made = Response(answer.body, answer.status)
    kept = [(name, value) for name, value in answer.headers if name != b"content-length"]
    made.raw_headers = [*kept, (b"content-length", str(len(answer.body)).encode())]
    return made
