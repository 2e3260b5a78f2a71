"""What was learnt goes to a file and back onto a persona, and nothing else comes with it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from brain.lms.openai_compatible import OpenAICompatibleEngine
from brain.persona import ChatShape, Persona
from brain.persona_program import Learnt, learnt_of, load_learnt, program_file, save_learnt
from brain.programs import ProgramError
from brain.quiet import language_model, quiet
from brain.signatures import Reply
from brain.voice import Voice
from guards.types import Message

LEARNT = Learnt("Say it in Nora's way.", ({"fan": "you up?", "reply": "always, for you"},))


def test_what_is_saved_is_what_is_loaded(tmp_path: Path, voice: Voice) -> None:
    path = tmp_path / program_file("nora")
    assert path.name == "persona-nora.json"
    save_learnt(LEARNT, path, {"model": "x/m"})
    assert load_learnt(path) == LEARNT
    assert json.loads(path.read_text())["model"] == "x/m"
    assert learnt_of(load_learnt(path).put_on(Persona(voice))) == LEARNT
    assert "always" not in repr(LEARNT)


def test_the_model_is_told_the_learnt_instructions_and_shown_the_learnt_pairs_before_the_nearest(
    scripted_server: Any, voice: Voice
) -> None:
    async def scenario() -> list[dict[str, Any]]:
        async with scripted_server(lambda _: ["hm"]).running() as server:
            engine = OpenAICompatibleEngine(provider="x", model="m", base_url=server.url, api_key="k", timeout=5)
            with quiet(language_model("x", engine), ChatShape()):
                await LEARNT.put_on(Persona(voice)).acall(
                    transcript=(Message("user", "hey"),), now=datetime(2026, 11, 26, tzinfo=UTC)
                )
            await engine.aclose()
            return server.bodies  # type: ignore[no-any-return]

    (body,) = asyncio.run(scenario())
    said = [message["content"] for message in body["messages"]]
    assert said[0].startswith("Say it in Nora's way.")
    assert Reply.instructions[:40] not in said[0]
    assert said[1:3] == ["you up?", "always, for you"]
    assert len(said) == 1 + 2 + 2 * voice.neighbours + 1


def test_every_kind_of_reply_gets_the_instructions_and_keeps_its_own(voice: Voice) -> None:
    for _, predict in LEARNT.put_on(Persona(voice)).named_predictors():
        assert predict.signature.instructions.startswith("Say it in Nora's way.")
        assert list(predict.signature.output_fields) == ["reply"]


@pytest.mark.parametrize("program", [{}, {"reply": {"signature": {"instructions": "x"}, "demos": [{"fan": "a"}]}}])
def test_a_file_that_is_no_program_is_refused(tmp_path: Path, program: Any) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"program": program}))
    with pytest.raises(ProgramError, match="no saved program of the persona"):
        load_learnt(tmp_path / "p.json")
