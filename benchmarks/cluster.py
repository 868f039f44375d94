"""10,000 hours of video on 64 replicas, simulated: ``python -m benchmarks.cluster [--json]``.

Two ways of sharing out the same clips among replicas of which some are slow and some die:
**pulling**, by the very bookkeeping that runs use (``harness.run.dispatch``), each replica holding
as many clips as it reads ahead; and **every n-th**, a fixed share each, where a replica that died
goes on with its own share when it is back. Time is simulated, nothing is run.

Assumed, since there is no such cluster here: a model takes a second a question, lognormal with
sigma 0.5; clips have Video-MME's mix of lengths (a third of 80 s, 9 min, 41 min) and 3 questions, a
tenth of them 30; one replica in twenty runs at half speed; each dies on average once in four hours
and is back after 5 minutes. Measured (RESULTS.md, Reading frames): reading 32 frames takes 0.06 s a
frame from a minute and 0.055 s a frame from half an hour, and is done ahead of the model.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from harness.run.dispatch import Dispatcher
from harness.types import Clip, Question

HOURS = 10_000
REPLICAS = 64
SECONDS = (80.0, 520.0, 2460.0)
"""Video-MME's mean lengths: short, medium, long."""

READING = 32 * 0.06
AHEAD = 4
SLOW_SHARE, SLOWNESS = 0.05, 2.0
BETWEEN_DEATHS, BACK_AFTER = 4 * 3600.0, 300.0


@dataclass(frozen=True)
class Work:
    """One clip with what it costs a replica of normal speed, in seconds."""

    clip: Clip
    cost: float


@dataclass
class Replica:
    """One replica: how slow it is, when it is free, when it dies next, how
    long it has worked and until when."""

    number: int
    slowness: float
    dies: float
    free: float = 0.0
    busy: float = 0.0
    last: float = 0.0

    def work(self, cost: float, draw: random.Random) -> bool:
        """Takes the next piece of work; False when it dies of it, and is back later."""
        takes = cost * self.slowness
        if self.free + takes < self.dies:
            self.free += takes
            self.busy += takes
            self.last = self.free
            return True
        self.free = self.dies + BACK_AFTER
        self.dies = self.free + draw.expovariate(1 / BETWEEN_DEATHS)
        return False


def workload(hours: float, seed: int) -> list[Work]:
    """Clips of so many hours in all."""
    draw, left = random.Random(seed), hours * 3600
    made: list[Work] = []
    while left > 0:
        length = draw.choice(SECONDS)
        asked = 30 if draw.random() < 0.1 else 3
        name = str(len(made))
        clip = Clip(name, None, tuple(Question(f"{name}-{i}", "") for i in range(asked)))
        model = asked * draw.lognormvariate(0.0, 0.5)
        made.append(Work(clip, max(READING, model)))  # reading is done ahead: the slower decides
        left -= length
    return made


def replicas(count: int, seed: int) -> list[Replica]:
    """The same replicas for every way of sharing."""
    draw = random.Random(seed)
    slow = set(draw.sample(range(count), round(count * SLOW_SHARE)))
    return [
        Replica(n, SLOWNESS if n in slow else 1.0, draw.expovariate(1 / BETWEEN_DEATHS))
        for n in range(count)
    ]


def every_nth(works: Sequence[Work], team: Sequence[Replica], seed: int) -> int:
    """Each replica does its own share; the number of clips begun again after deaths."""
    draw, again = random.Random(seed), 0
    for replica in team:
        for work in works[replica.number :: len(team)]:
            while not replica.work(work.cost, draw):
                again += 1
    return again


def pulling(works: Sequence[Work], team: Sequence[Replica], seed: int) -> int:
    """Replicas take clips as they come for them; the number of clips begun again."""
    draw, again = random.Random(seed), 0
    costs = {work.clip.id: work.cost for work in works}
    queue = Dispatcher(work.clip for work in works)
    holds: dict[int, list[Clip]] = {}
    order = [(0.0, replica.number) for replica in team]
    while order:
        _, number = heapq.heappop(order)
        replica = team[number]
        if number not in holds:
            if not queue.begin(number):
                if not queue.done:  # others still hold clips that may come back
                    replica.free += 10.0
                    heapq.heappush(order, (replica.free, number))
                continue
            holds[number] = []
        while len(holds[number]) < AHEAD and (clip := queue.next(number)) is not None:
            holds[number].append(clip)
        if not holds[number]:
            queue.ended(number)
            del holds[number]
        elif replica.work(costs[holds[number][0].id], draw):
            done = holds[number].pop(0)
            for question in done.questions:
                queue.answered(number, done.id, question.key)
        else:
            again += 1
            if queue.died(number):
                raise AssertionError("no clip here kills twice")
            del holds[number]
        heapq.heappush(order, (replica.free, number))
    return again


def simulate(hours: float = HOURS, count: int = REPLICAS, seed: int = 0) -> dict[str, object]:
    """Both ways on the same clips and replicas: hours until the last is done, and the share of the
    replicas' time that was work."""
    works = workload(hours, seed)
    found: dict[str, object] = {
        "clips": len(works),
        "questions": sum(len(work.clip.questions) for work in works),
        "replicas": count,
    }
    for name, share in (("pulling", pulling), ("every n-th", every_nth)):
        team = replicas(count, seed)
        again = share(works, team, seed)
        end = max(replica.last for replica in team)
        found[name] = {
            "hours": round(end / 3600, 2),
            "utilisation": round(sum(r.busy for r in team) / (end * count), 3),
            "begun_again": again,
        }
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--replicas", type=int, default=REPLICAS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    found = simulate(words.hours, words.replicas, words.seed)
    if words.json:
        print(json.dumps(found, indent=2))
    else:
        for name, row in found.items():
            print(f"{name:12} {row}")


if __name__ == "__main__":
    main()
