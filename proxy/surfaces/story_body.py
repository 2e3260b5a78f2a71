"""A story's JSON taken apart into its prose and what stands beside it, and put together again.

It stands apart because a whole story and the end of a streamed one are put together alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.wire import PLACEHOLDER, Json


def beside(story: Json) -> Json:
    """A story without its prose."""
    given = story.get("beats")
    beats = [
        {key: value for key, value in beat.items() if key != "prose"} if isinstance(beat, dict) else {}
        for beat in (given if isinstance(given, list) else [])
    ]
    return {**{key: value for key, value in story.items() if key != "prose"}, "beats": beats}


def story_of(beside: Json, proses: Sequence[str]) -> Json:
    """A story of what stands beside the prose, as judged, and the prose of each beat."""
    beats = beside.get("beats", [])
    known = [*beats, *[{}] * (len(proses) - len(beats))]
    told = [{"beat": PLACEHOLDER, **beat, "prose": prose} for beat, prose in zip(known, proses, strict=False)]
    return {**beside, "beats": told, "prose": "\n\n".join(filter(None, proses))}


def shown(came: Json, judged: Json) -> Json:
    """What stands beside the prose, as judged; of a beat that had to be masked nothing is shown."""
    texts = [beat.get("beat") for beat in came.get("beats", [])]
    beats = [
        beat if beat.get("beat") == text else {**beat, "beat": PLACEHOLDER}
        for beat, text in zip(judged.get("beats", []), texts, strict=False)
    ]
    return {**judged, "beats": beats} if "beats" in judged else judged
