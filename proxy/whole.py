"""The output stage of a turn that is not streamed: every choice is judged, repaired where needed, then sent."""

from __future__ import annotations

from guards.errors import UpstreamError
from guards.redact import redact
from guards.types import Action, Verdict
from proxy.answers import Answer, Headers, content_blocked
from proxy.headers import to_client
from proxy.inbound import Inbound
from proxy.leaves import fields, is_plain_key, leaves, put
from proxy.repair import repair
from proxy.surfaces.base import Surface
from proxy.turn import Turn
from proxy.upstream import Reply, succeeded
from proxy.wire import ChatRequest, Json, read_reply, write_json


async def answer_whole(turn: Turn, inbound: Inbound, surface: Surface) -> Answer:
    """The upstream's answer, guarded. Its errors arrive as they were. Raises UpstreamError."""
    reply = await turn.ask(turn.request.with_messages(inbound.messages))
    if not succeeded(reply):
        return await refused(turn, reply, to_client(reply.headers) + turn.headers(inbound.action))
    body = await reply.read()
    completion = read_reply(body)
    guarded: list[Json] = []
    for choice in surface.choices(turn.request, completion):
        before = [surface.said(each["message"]) for each in guarded]
        turn.read_on(before)
        again = turn.request.for_choice(len(guarded), before, completion)
        fixed = await _guarded(turn, inbound, surface, choice, again)
        if fixed is None:
            return content_blocked(surface.error)
        guarded.append(fixed)
    rest = await masked(turn, surface.beside(turn.request, completion), "body")
    final = surface.whole(turn.request, completion, rest, guarded)
    headers = to_client(reply.headers) + turn.headers(max(inbound.action, turn.action))
    return Answer(200, body if final == completion else write_json(final), headers)


async def _guarded(turn: Turn, inbound: Inbound, surface: Surface, choice: Json, again: ChatRequest) -> Json | None:
    """The choice as it may be sent; None when a rule blocks it. `logprobs` go: they spell out what was not said.
    `again` asks for it once more."""
    came = message = choice["message"]
    index = choice["index"] if isinstance(choice.get("index"), int) else 0
    place = f"choices[{index}].message"
    verdicts: list[Verdict] = []
    for leaf in leaves(message):
        verdict = await turn.judge(leaf.text, "output")
        turn.note(verdict, leaf.text, f"{place}.{'.'.join(map(str, leaf.path))}")
        if verdict.masks:
            message = put(message, leaf.path, redact(leaf.text, verdict.masks))
        verdicts.append(verdict)
    verdicts += [turn.judge_readings(value, "output", f"{place}.{key}") for key, value in fields(message)]
    spoken = surface.said(message)
    if spoken and all(spoken != leaf.text for leaf in leaves(message)):  # what stands in several places, as one text
        verdicts.append(turn.judge_reading(spoken, "output", place))
    worst = max(verdicts, key=lambda each: each.action, default=Verdict("output"))
    if worst.action is Action.BLOCK:
        turn.rise(Action.BLOCK)
        return None
    if worst.action > Action.REDACT:
        repaired = await repair(turn, inbound.messages, "", surface.said(came), worst, request=again)
        turn.final[index] = repaired.text
        return surface.repaired(index, turn.id, repaired.text, turn.guard.policy.settings.finish_reason)
    turn.final[index] = surface.said(message)
    rest = await masked(turn, {k: v for k, v in choice.items() if k not in ("message", "logprobs")}, "choice")
    silent = {"logprobs": None} if "logprobs" in choice else {}
    return {**choice, **rest, **silent, "message": message if message is came else surface.mended(came, message)}


async def masked(turn: Turn, value: Json, place: str) -> Json:
    """Text outside the reply itself (unknown fields): it cannot be written again, so what must not go out is masked,
    and a structure that reads as a violation only as a whole is emptied."""
    for leaf in leaves(value):
        verdict = await turn.judge(leaf.text, "output")
        turn.note(verdict, leaf.text, f"{place}.{'.'.join(map(str, leaf.path))}")
        if verdict.withholds:
            turn.rise(Action.REDACT)
            spans = [(f.start, f.end) for f in verdict.findings if f.rule in verdict.rules]
            value = put(value, leaf.path, redact(leaf.text, spans or [(0, len(leaf.text))]))
    for key, inner in list(value.items()):
        odd = (isinstance(inner, dict | list) and key != "usage") or not is_plain_key(key)
        if odd and turn.judge_readings({key: inner}, "output", f"{place}.{key}").withholds:
            turn.rise(Action.REDACT)
            value = {name: held for name, held in value.items() if name != key}
    return value


async def refused(turn: Turn, reply: Reply, headers: Headers) -> Answer:
    """An upstream's refusal as it was. Raises UpstreamError for a redirect, and where its text may not go out."""
    if reply.status < 400:
        reply.close()
        raise UpstreamError(f"the upstream answered {reply.status}, which is no answer", code="upstream_redirect")
    body = await reply.read()
    text = body.decode("utf-8", "replace")
    verdict = await turn.judge(text, "output")
    turn.note(verdict, text, "error")
    if verdict.withholds or turn.judge_readings(text, "output", "error").withholds:
        turn.rise(Action.DEFLECT)
        raise UpstreamError(f"the upstream answered {reply.status}", status=reply.status, code="upstream_error")
    return Answer(reply.status, body, headers)
