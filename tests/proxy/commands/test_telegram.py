"""`chaperone telegram` as a process of its own: it answers, tells no secrets, and ends on a signal."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHAPERONE = [sys.executable, "-P", "-m", "proxy", "telegram"]


@contextmanager
def running(api: Any, base_url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The bot from its first line to its last; what it writes stands in `folder`/said."""
    environment = {**os.environ, "TG_BOT_TOKEN": api.token, "CHAPERONE_TELEGRAM_API": api.url}
    command = [*CHAPERONE, "--telegram-base-url", base_url]
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, cwd=folder, env=environment)
        try:
            assert process.stdout is not None
            assert "@mila_bot listens" in process.stdout.readline()
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=20)


def test_it_answers_and_ends_on_a_signal_without_telling_a_word_or_its_token(
    proxy: Any, bot_api: Any, upstream: Any, says: Any, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    upstream.replies = [says("canary-reply")]
    with running(bot_api, f"{proxy.url}/v1", tmp_path) as process:
        bot_api.write("canary-words")
        eventually(lambda: [text for _, text in bot_api.sent] == ["canary-reply"])
    assert process.returncode == 0
    assert (tmp_path / "said").read_text() == ""


def test_what_goes_wrong_is_logged_by_kind_alone(
    proxy: Any, bot_api: Any, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    bot_api.fail("sendMessage", 400, "canary-description")
    bot_api.fail("getUpdates", 500, "canary-description")
    with running(bot_api, f"{proxy.url}/v1", tmp_path):
        bot_api.write("canary-words")
        eventually(lambda: "BadRequest" in (tmp_path / "said").read_text())
    said = (tmp_path / "said").read_text()
    assert not any(word in said for word in ("canary", bot_api.token, "Traceback"))


def run_without_a_token(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TG_BOT_TOKEN"}
    return subprocess.run(
        CHAPERONE, capture_output=True, text=True, cwd=folder, env=environment, timeout=60, check=False
    )


def test_without_a_token_it_says_what_to_do(tmp_path: Path) -> None:
    ran = run_without_a_token(tmp_path)
    assert ran.returncode == 1
    assert "set TG_BOT_TOKEN" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_token_is_never_read_from_the_settings_file(bot_api: Any, tmp_path: Path) -> None:
    (tmp_path / "chaperone.toml").write_text(f'TG_BOT_TOKEN = "{bot_api.token}"\ntg_bot_token = "{bot_api.token}"\n')
    assert "set TG_BOT_TOKEN" in run_without_a_token(tmp_path).stderr
