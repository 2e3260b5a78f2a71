"""Everything assembled on one page: which parts there are, what each is handed, and who serves which path."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from brain.judge import PROGRAM_FILE, Judge
from brain.lms.choice import choose_model
from brain.quiet import silence_dspy
from brain.regenerate import Regenerator
from brain.settings import PersonaSettings
from proxy import operator
from proxy.audit import AuditError, AuditStore
from proxy.corrections import Corrections
from proxy.feedback import FeedbackError, FeedbackStore
from proxy.metrics import Metrics
from proxy.policy_store import PolicyStore
from proxy.recent import Recent
from proxy.routes import GuardedRoute, where
from proxy.rule_files import load
from proxy.seen import Seen
from proxy.settings import ProxySettings
from proxy.sockets import ChatSockets
from proxy.surfaces.base import Surface
from proxy.surfaces.chat import ChatSurface
from proxy.surfaces.completions import CompletionsSurface
from proxy.surfaces.messages import MessagesSurface
from proxy.surfaces.responses import ResponsesSurface
from proxy.surfaces.stories import StoriesSurface, beat_surface
from proxy.turn import Services
from proxy.upstream import Upstream

SURFACES: tuple[Surface, ...] = (
    ChatSurface(), CompletionsSurface(), MessagesSurface(), ResponsesSurface(), StoriesSurface(),
)  # fmt: skip
_DAY = 24 * 3600.0
_OPINIONS_KEPT = 10_000
_MOST_SOCKETS = 10_000  # most of them wait for a fan to say something
_CONVERSATIONS_KNOWN = 10_000  # the ends of their last messages: about 20 MB
_MESSAGES_KNOWN = 200_000  # about 20 MB, and as much again before the oldest go

log = logging.getLogger("chaperone.proxy")


def build(settings: ProxySettings, persona: PersonaSettings | None = None, counts: Path | None = None) -> App:
    """The application for `settings`, with a judge on the model of `persona` or one that the settings name. `counts` is
    where workers that share a port count together.

    Raises PolicyError for rules, AuditError or FeedbackError for a store, and UnknownModel or ProgramError for a judge,
    that cannot be used.
    """
    silence_dspy()
    engine = _judge_engine(settings, persona)
    key = settings.upstream_key.get_secret_value() if settings.upstream_key else None
    upstream = Upstream(settings.upstream, key=key, connect=settings.connect_timeout, read=settings.read_timeout)
    services = Services(
        policies=PolicyStore(settings.rules, partial(load, is_judged=engine is not None)),
        upstream=upstream,
        corrections=Corrections(upstream),
        regenerator=Regenerator(clock=time.monotonic),
        judge=_judge(engine, settings.data / PROGRAM_FILE) if engine else None,
        audit=AuditStore(settings.data),
        feedback=FeedbackStore(settings.data),
        metrics=Metrics(counts),
        seen=Seen(_MESSAGES_KNOWN),
        recent=Recent(_CONVERSATIONS_KNOWN),
        clock=time.monotonic,
        now=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
        rule_headers=settings.rule_headers,
    )
    return App(settings, services, engine)


def _judge_engine(settings: ProxySettings, persona: PersonaSettings | None) -> Any:
    """The language model of the judge; None without one. A key alone turns no judge on: messages go only to a model
    that somebody named, or that the persona beside us speaks with. Raises UnknownModel."""
    chosen = persona or PersonaSettings()
    name = settings.judge_lm or chosen.lm
    if name == "off" or (not name and persona is None):
        return None
    model = choose_model(chosen.model_copy(update={"lm": name}))
    return model.engine if model else None


def _judge(engine: Any, program: Path) -> Judge:
    """The judge over `engine`, with an optimized `program` if there is one. Raises ProgramError."""
    return Judge(
        engine, clock=time.monotonic, deadline=2.0, cache_size=_OPINIONS_KEPT, per_turn=4,
        program_state=program if program.exists() else None,
    )  # fmt: skip


class App:
    """The proxy as an ASGI application: the guarded route, everything else, and what runs beside them."""

    def __init__(self, settings: ProxySettings, services: Services, judge_engine: Any = None) -> None:
        self.services = services
        self._judge_engine = judge_engine
        self._retention = timedelta(days=settings.retention_days)
        bounds = {"max_body": settings.max_body, "max_turns": settings.max_turns}
        self._guarded = GuardedRoute(services, SURFACES, beat_surface, **bounds)
        self._sockets: ASGIApp = ChatSockets(
            self._guarded, origins=settings.ws_origins.split(), most=_MOST_SOCKETS, new_id=services.new_id
        )
        self._rest: ASGIApp = operator.build(
            services, max_body=settings.max_body, guarded=SURFACES, operator_key=settings.operator_key
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatches one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and scope["method"] == "POST" and self._guarded.surface_of(scope["path"]):
            await self._guarded(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._sockets(scope, receive, send)
        else:
            await self._safely(scope, receive, send)

    async def _safely(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything else; what breaks there has been answered, and is logged without its words."""
        try:
            await self._rest(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the outermost edge
            log.error("a request beside the turns failed: %s", where(error))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Holds the upstream's connections open, the rules watched and the log within its retention."""
        stop = asyncio.Event()
        async with self.services.upstream:
            beside = [
                asyncio.create_task(self.services.policies.watch(stop)),
                asyncio.create_task(self._forget_daily()),
            ]
            try:
                yield
            finally:
                stop.set()
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                await self.services.corrections.aclose()
                if self.services.judge is not None:
                    await self.services.judge.aclose()
                    await self._judge_engine.aclose()
                self.services.audit.close()
                self.services.feedback.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _forget_daily(self) -> None:
        while True:
            oldest = (self.services.now() - self._retention).isoformat(timespec="milliseconds")
            for store in (self.services.audit, self.services.feedback):
                try:
                    await store.forget_before(oldest)
                except (AuditError, FeedbackError) as error:
                    log.error("what is past its retention stands until tomorrow: %s", error)
            await asyncio.sleep(_DAY)
