"""Which worker takes which clip: one queue for all, and what becomes of a clip that kills.

Pure bookkeeping: whoever runs the workers (processes on this machine, actors on a Ray cluster)
tells it what happens. Workers take clips in sessions: a session is one pass of a model over clips
that are handed out one by one as it reads ahead.

Clips of one video that follow one another go to one worker as far as possible, which then reads
them together; a worker that finds no other video left takes the last of those.

When a worker dies, the clips it held and had not answered are suspects: each of them is then given
out alone. One that kills a worker alone as often as ``attempts`` allows is given up, so a clip that
kills costs itself only, and one that was near it costs nothing but time.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from harness.errors import WorkerError
from harness.types import Clip

ATTEMPTS = 2
"""Times that a clip may kill a worker before it is given up."""

BARREN = 3
"""Workers in a row that may die before they have taken a clip: then none will do better."""


@dataclass
class _Session:
    """One pass of a worker: the clips it holds with their unanswered questions' keys; the run of
    one video's clips that it is to have next; and the suspect, where it is given that one only."""

    suspect: Clip | None = None
    run: deque[Clip] = field(default_factory=deque)
    taken: bool = False
    held: dict[str, tuple[Clip, set[str]]] = field(default_factory=dict)

    def hold(self, clip: Clip) -> Clip:
        self.taken = True
        self.held[clip.id] = (clip, {question.key for question in clip.questions})
        return clip


class Dispatcher:
    """Hands out the clips of one run.

    ``attempts`` is how often a clip may kill a worker that held no other.
    """

    def __init__(self, clips: Iterable[Clip], attempts: int = ATTEMPTS) -> None:
        runs = groupby(clips, lambda clip: clip.video or clip.id)
        self._queue = deque(deque(run) for _, run in runs)
        self._left = sum(map(len, self._queue))
        self._suspects: deque[Clip] = deque()
        self._attempts = attempts
        self._kills: Counter[str] = Counter()
        self._sessions: dict[int, _Session] = {}
        self._barren = 0

    @property
    def waiting(self) -> int:
        """Clips that no worker holds yet."""
        return self._left + len(self._suspects)

    @property
    def sessions(self) -> int:
        """Workers that are in a session."""
        return len(self._sessions)

    def in_session(self, worker: int) -> bool:
        """Whether a worker is in a session."""
        return worker in self._sessions

    @property
    def done(self) -> bool:
        """Whether every clip was answered or given up."""
        return not self.waiting and not self._sessions

    def stop(self) -> None:
        """Hands out nothing more: what workers hold is answered still."""
        self._queue.clear()
        for session in self._sessions.values():
            session.run.clear()
        self._left = 0
        self._suspects.clear()

    def begin(self, worker: int) -> bool:
        """Whether there is something to do: then a session of this worker has begun."""
        if not self.waiting:
            return False
        suspect = self._suspects.popleft() if self._suspects else None
        self._sessions[worker] = _Session(suspect)
        return True

    def next(self, worker: int) -> Clip | None:
        """The session's next clip; None ends it. A suspect's session has no other clip."""
        session = self._sessions[worker]
        self._barren = 0
        if session.suspect is not None:
            return None if session.taken else session.hold(session.suspect)
        clip = self._taken(session)
        return None if clip is None else session.hold(clip)

    def _taken(self, session: _Session) -> Clip | None:
        """The next of the session's own run; of the longest of another's where none is left."""
        if not self._left:
            return None
        self._left -= 1
        if not session.run and self._queue:
            session.run = self._queue.popleft()
        if session.run:
            return session.run.popleft()
        return max((other.run for other in self._sessions.values()), key=len).pop()

    def _put_back(self, session: _Session) -> None:
        if session.run:
            self._queue.appendleft(session.run)

    def answered(self, worker: int, clip: str, key: str) -> None:
        """A question of a clip was answered, or failed."""
        held = self._sessions[worker].held
        if clip in held:
            left = held[clip][1]
            left.discard(key)
            if not left:
                del held[clip]

    def ended(self, worker: int) -> None:
        """The session came to its end: what it was given is answered. Raises WorkerError when
        sessions keep ending before they take a clip."""
        session = self._sessions.pop(worker)
        self._put_back(session)
        if not session.taken:
            self._in_vain("models ended one after another without taking a clip")

    def died(self, worker: int) -> list[Clip]:
        """A worker died. The clips given up, each with the questions that nobody answered.

        Raises WorkerError when workers keep dying before they take a clip.
        """
        session = self._sessions.pop(worker, None)
        if session is not None:
            self._put_back(session)
        if session is None or not session.taken:
            if session is not None and session.suspect is not None:
                self._suspects.append(session.suspect)
            self._in_vain("workers died one after another before their first clip")
            return []
        left = [
            dataclasses.replace(clip, questions=tuple(q for q in clip.questions if q.key in keys))
            for clip, keys in session.held.values()
        ]
        if len(left) == 1:
            self._kills[left[0].id] += 1
            if self._kills[left[0].id] >= self._attempts:
                return left
        self._suspects.extend(left)
        return []

    def _in_vain(self, what: str) -> None:
        self._barren += 1
        if self._barren >= BARREN:
            raise WorkerError(
                f"{BARREN} {what}: run it with workers=1 and runner=local to see why; what was "
                "answered is kept: run again to resume"
            )
