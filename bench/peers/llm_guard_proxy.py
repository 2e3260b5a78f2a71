"""A proxy over LLM Guard's scanners, which is a library: BanSubstrings and Regex, before and behind the model.

A streamed reply is collected, scanned, and sent on whole, as the library judges whole texts.
usage: llm_guard_proxy.py PORT, with the upstream's base URL in BENCH_UPSTREAM; runs in LLM Guard's own environment.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI, Request, Response
from llm_guard import input_scanners, output_scanners

WORDS = ["instagram", "whatsapp", "snapchat"]
MAIL = [r"[\w.]+@[\w.]+\.\w+"]
SCANNERS = {
    side: [module.BanSubstrings(substrings=WORDS, match_type="word"), module.Regex(patterns=MAIL, is_blocked=True)]
    for side, module in (("input", input_scanners), ("output", output_scanners))
}
UPSTREAM = os.environ["BENCH_UPSTREAM"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=lifespan)


def passes(side: str, prompt: str, text: str) -> bool:
    """True when no scanner minds."""
    given = (prompt, text) if side == "output" else (text,)
    return all(scanner.scan(*given)[1] for scanner in SCANNERS[side])


def said(body: bytes, kind: str) -> str:
    """The reply's text, whole or streamed."""
    if not kind.startswith("text/event-stream"):
        return str(json.loads(body)["choices"][0]["message"]["content"])
    events = [line[6:] for line in body.decode().splitlines() if line.startswith("data: {")]
    choices: list[dict[str, Any]] = [choice for event in events for choice in json.loads(event)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@app.post("/v1/chat/completions")
async def chat(request: Request) -> Response:
    body = await request.body()
    prompt = json.loads(body)["messages"][-1]["content"]
    if not passes("input", "", prompt):
        return Response('{"error": {"message": "blocked"}}', 400, media_type="application/json")
    headers = {"content-type": "application/json"}
    async with app.state.session.post(f"{UPSTREAM}/chat/completions", data=body, headers=headers) as reply:
        answer, kind = await reply.read(), reply.headers["content-type"]
    if not passes("output", prompt, said(answer, kind)):
        return Response('{"error": {"message": "blocked"}}', 400, media_type="application/json")
    return Response(answer, reply.status, media_type=kind)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
