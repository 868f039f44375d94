"""How scores add up: which records count, nested macro, chance, bounds, group scores."""

import math
from dataclasses import dataclass, replace

import pytest

from harness import estimates
from harness.metrics import GroupScore, Mean
from harness.scoring.choice import ChoiceScorer
from harness.scoring.groups import group_score
from harness.types import Estimate, Response, Score
from tests.runs import record, records, right, scored, wrong


def value(answers, **fields):
    return Mean("accuracy", **fields).estimate(answers).value


@pytest.fixture
def mixed():
    """4 scored (3 right), 1 unparsed, 1 blank, 1 failed, 1 truncated, 1 unscored."""
    return [
        record(0, right(0)), record(1, right(1)), record(2, right(2)), record(3, wrong(3)),
        record(4, "no idea"), record(5, ""), record(6, None),
        replace(record(7, right(7)), status="truncated", score=None),
        replace(record(8, right(8)), status="unscored", score=None),
    ]  # fmt: skip


def test_what_counts(mixed):
    assert value(mixed) == pytest.approx(3 / 6)
    assert value(mixed, counted="answered") == pytest.approx(3 / 4)
    assert value(mixed, counted="nonempty") == pytest.approx(3 / 5)


def test_bounds_are_those_of_what_was_lost(mixed):
    assert estimates.bounds(Mean("accuracy"), mixed) == pytest.approx((3 / 9, 6 / 9))
    assert estimates.bounds(Mean("accuracy"), mixed[:6]) is None
    assert estimates.bounds(Mean("accuracy", low=None), mixed) is None
    hidden = [replace(r, question=replace(r.question, target=None)) for r in mixed[6:]]
    assert estimates.bounds(Mean("accuracy"), [*mixed[:6], *hidden]) is None


def test_an_unparsed_response_has_the_worst_score_whichever_way_is_better():
    answers = [scored(record(i, "A"), 0.0) for i in range(3)] + [record(3, "no idea")]
    assert value(answers, higher_is_better=False) == pytest.approx(1 / 4)
    assert value(answers, low=None, high=None) == 0.0  # no worst: it is left out


def test_hidden_labels_never_count_unless_the_scorer_needs_none():
    answers = [record(i, right(i), question={"target": None}) for i in range(4)]
    assert Mean("accuracy").estimate(answers).n == 0
    assert Mean("accuracy").estimate([record(0, "no idea", question={"target": None})]).n == 0
    judged = [replace(r, score=Score({"accuracy": 0.5}), status="scored") for r in answers]
    assert value(judged) == 0.5


def test_macro_over_nested_groups():
    """VSI-Bench: one of its tasks is the mean of three levels, and counts once."""
    placed = [
        ("count", None, 1.0), ("count", None, 0.0),
        ("direction", "easy", 1.0), ("direction", "easy", 1.0), ("direction", "hard", 0.0),
    ]  # fmt: skip
    answers = [
        scored(
            record(i, "A", question={"groups": {"task": (t,)} | ({"level": (v,)} if v else {})}), s
        )
        for i, (t, v, s) in enumerate(placed)
    ]
    assert value(answers, macro=("level", "task")) == pytest.approx((1 / 2 + (1 + 0) / 2) / 2)
    assert value(answers, macro=("task",)) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert value(answers) == pytest.approx(3 / 5)
    found = estimates.part(Mean("accuracy", macro=("level", "task")), answers)
    assert found.value == pytest.approx(3 / 5)


def test_a_question_without_the_outermost_group_is_in_no_macro():
    answers = [record(0, right(0)), record(1, wrong(1), question={"groups": {}})]
    assert value(answers, macro=("task_type",)) == 1.0


def test_a_question_in_two_values_counts_in_both():
    answers = [record(i, right(i), question={"groups": {"skill": ("ER", "KIR")}}) for i in range(6)]
    answers += [record(i, wrong(i), question={"groups": {"skill": ("ER",)}}) for i in range(6, 12)]
    found = Mean("accuracy", macro=("skill",)).estimate(answers)
    assert found.value == pytest.approx((6 / 12 + 6 / 6) / 2)
    assert found.n == 12


def test_where_restricts_a_metric_to_its_questions():
    answers = [record(i, right(i) if i % 3 else "no idea") for i in range(9)]
    assert value(answers, where={"task_type": "Direction"}) == 1.0
    assert value(answers, where={"task_type": "Counting"}) == 0.0


def test_a_question_asked_several_times_counts_once():
    answers = [
        record(0, right(0)),
        record(0, right(0), question={"repeat": 1}),
        record(0, wrong(0), question={"repeat": 2}),
        record(1, wrong(1)),
    ]
    found = Mean("accuracy").estimate(answers)
    assert found.value == pytest.approx((2 / 3 + 0) / 2)
    assert found.n == 2


@dataclass(frozen=True)
class Numeric:
    """Knows chance only for choices."""

    def chance(self, question):
        return {"accuracy": 1 / len(question.options)} if question.options else None


def test_chance_is_absent_unless_it_is_known_for_every_question():
    answers = records(12)
    assert estimates.chance(Mean("accuracy"), ChoiceScorer(), answers) == pytest.approx(0.25)
    open_ended = replace(answers[0], question=replace(answers[0].question, options=()))
    assert estimates.chance(Mean("accuracy"), ChoiceScorer(), [open_ended, *answers]) is None
    assert estimates.chance(Mean("score"), ChoiceScorer(), answers) is None
    assert estimates.chance(Mean("accuracy"), object(), answers) is None
    choices = Mean("accuracy", where={"task_type": "Counting"})
    assert estimates.chance(choices, Numeric(), answers) == pytest.approx(0.25)


def test_chance_does_not_count_hidden_labels():
    """Two options each where the label is hidden: they would make it 37.5%."""
    answers = records(6)
    hidden = [
        replace(r, question=replace(r.question, target=None, options=r.question.options[:2]))
        for r in records(12)[6:]
    ]
    chance = estimates.chance(Mean("accuracy"), ChoiceScorer(), [*answers, *hidden])
    assert chance == pytest.approx(0.25)
    assert estimates.chance(Mean("accuracy"), ChoiceScorer(), hidden) is None


def test_the_difference_of_two_runs_nests_as_the_headline_does():
    kinds = [{"groups": {"kind": ("small",) if i < 2 else ("large",)}} for i in range(6)]
    before = [record(3 * i, wrong(3 * i), question=kinds[i]) for i in range(6)]
    after = [record(3 * i, right(3 * i), question=kinds[i]) for i in range(2)] + before[2:]
    macro = Mean("accuracy", macro=("kind",))
    assert estimates.difference(macro, before, after).difference.value == pytest.approx(0.5)
    found = estimates.difference(macro, before, after, micro=True)
    assert found.difference.value == pytest.approx(1 / 3)
    assert (found.gained, found.lost, found.difference.n) == (2, 0, 6)


def four(video, scores, kind="relevance", structure="", **asked):
    """A video of Video-MME-v2 with its four questions."""
    return [
        scored(
            replace(
                record(0, "A", question={
                    "id": f"{video}-{place}",
                    "groups": {
                        "position": (str(place),), "group_type": (kind,),
                        "group_structure": (structure,),
                    },
                } | asked),
                video=video,
            ),
            score,
        )
        for place, score in enumerate(scores)
    ]  # fmt: skip


def test_group_scores_are_a_mean_over_videos():
    answers = four("a", [1, 1, 0, 0]) + four("b", [1, 1, 1, 1]) + four("c", [0, 0, 0, 0])
    found = GroupScore().estimate(answers)
    assert found.value == pytest.approx((4 / 16 + 1 + 0) / 3)
    assert (found.n, found.clusters) == (12, 3)
    assert 0 <= found.ci95[0] < found.value < found.ci95[1] <= 1
    logic = four("d", [0, 1, 1, 1], "logic", "[1,2,3,4]")
    assert GroupScore().estimate(logic).value == 0.0


def test_a_video_with_a_failed_question_has_no_group_score():
    answers = four("a", [1, 1, 1, 1]) + four("b", [0, 0, 0, 0])
    answers[-1] = replace(answers[-1], status="failed", score=None, response=None)
    assert GroupScore().estimate(answers).n == 4
    assert estimates.bounds(GroupScore(), answers) == pytest.approx((0.5, 0.5 + 1 / 32))
    unparsed = replace(answers[3], status="unparsed", score=Score({}))
    assert GroupScore().estimate([*answers[:3], unparsed]).value == pytest.approx(9 / 16)


def test_guessing_a_group_of_four():
    """Relevance, four options: the expected quadratic reward of a binomial(4, 1/4)."""
    answers = four("a", [1, 1, 1, 1])
    chance = estimates.chance(GroupScore(), ChoiceScorer(), answers)
    expected = sum(
        math.comb(4, k) * 0.25**k * 0.75 ** (4 - k) * (0, 1 / 16, 4 / 16, 9 / 16, 1)[k]
        for k in range(5)
    )
    assert chance == pytest.approx(expected)


@dataclass(frozen=True)
class Longest:
    """A user's metric that is no mean: only an estimate."""

    name: str = "longest"
    unit: str = "characters"
    higher_is_better: bool = False

    def estimate(self, records):
        longest = max((len(r.response.text) for r in records if r.response), default=0)
        return Estimate(float(longest), (math.nan, math.nan), len(records), len(records))


def test_a_metric_of_ones_own_needs_an_estimate_only(mixed):
    assert estimates.part(Longest(), mixed).value == len("no idea")
    assert estimates.bounds(Longest(), mixed) is None
    assert estimates.difference(Longest(), mixed, mixed) is None


def test_a_difference_is_bounded_by_the_scale_and_counts_what_became_better():
    """A judge's 0 to 5: two scores lie 5 apart at most, and unseen videos may differ by that."""
    before = [scored(record(3 * i, "A"), 2.0) for i in range(10)]
    after = [scored(record(3 * i, "A"), 2.0) for i in range(10)]
    wide = estimates.difference(Mean("accuracy", high=5.0), before, after).difference
    narrow = estimates.difference(Mean("accuracy"), before, after).difference
    assert wide.ci95[1] == pytest.approx(5 * narrow.ci95[1])
    unknown = estimates.difference(Mean("accuracy", high=None), before, after).difference
    assert math.isnan(unknown.ci95[0])
    after[0] = scored(record(0, "A"), 1.0)
    found = estimates.difference(Mean("accuracy", high=5.0, higher_is_better=False), before, after)
    assert (found.gained, found.lost) == (1, 0)
    assert found.difference.value == pytest.approx(-0.1)


def test_intervals_stay_on_the_scale_of_the_metric():
    answers = [scored(record(3 * i, "A"), 5.0 if i else 4.0) for i in range(8)]
    low, high = Mean("accuracy", high=5.0).estimate(answers).ci95
    assert 2.5 < low < 4.875
    assert 4.9 < high <= 5.0
    free = Mean("accuracy", low=None, high=None).estimate(answers)
    assert free.ci95[1] > 5.0


def test_a_metric_is_called_by_its_score_unless_it_has_a_name():
    assert Mean("accuracy").name == "accuracy"
    assert Mean("accuracy", "strict").name == "strict"


def test_a_question_without_the_group_is_not_in_where():
    nowhere = record(0, right(0), question={"groups": {}})
    found = Mean("accuracy", where={"task_type": "Counting"}).estimate([nowhere, *records(9)])
    assert found.n == 3


def test_the_chain_of_a_group_goes_by_position_whatever_order_records_come_in():
    answers = four("d", [1, 1, 0, 0], "logic", "[1,2,3,4]")
    assert GroupScore().estimate(answers[::-1]).value == pytest.approx(4 / 16)
    relabelled = [
        replace(
            r, question=replace(r.question, groups=dict(r.question.groups) | {"position": (p,)})
        )
        for r, p in zip(answers, "3412", strict=True)
    ]
    assert GroupScore().estimate(relabelled).value == 0.0
    nowhere = [
        replace(r, question=replace(r.question, groups=r.question.groups | {"position": ()}))
        for r in answers
    ]
    assert GroupScore().estimate(nowhere).value == pytest.approx(4 / 16)  # as they come
    for record_ in nowhere:
        del record_.question.groups["position"]
    assert GroupScore().estimate(nowhere).value == pytest.approx(4 / 16)


CHAINS = {  # what a chain of 0 to 4 right answers earns, of the twelfths, tenths or sixteenths
    "[1,2,3,4]": (0, 1 / 16, 4 / 16, 9 / 16, 1),
    "[1,[2,3],4]": (0, 1 / 12, 4 / 12, 7 / 12, 1),
    "[[1,2],3,4]": (0, 1 / 10, 2 / 10, 5 / 10, 1),
}


@pytest.mark.parametrize(
    ("structure", "right", "chain"),
    [
        *((structure, "1" * n + "0" * (4 - n), n) for structure in CHAINS for n in range(5)),
        *((structure, "0001", 0) for structure in CHAINS),
        ("[1,2,3,4]", "0111", 0),
        ("[1,2,3,4]", "1011", 1),
        ("[1, [2, 3], 4]", "1011", 2),  # the second of the two alone is as good as the first
        ("[1,[2,3],4]", "1010", 2),
        ("[1,[2,3],4]", "0111", 0),
        ("[[1,2],3,4]", "0111", 1),
        ("[[1,2],3,4]", "0100", 1),
        ("[[1,2],3,4]", "1011", 1),
    ],
)
def test_a_chain_earns_by_its_structure(structure, right, chain):
    found = group_score("logic", structure, [float(x) for x in right])
    assert found == CHAINS[structure.replace(" ", "")][chain]


def test_a_question_that_does_not_count_costs_its_own_group_only():
    first = four("a", [1, 1, 1, 1])
    first[0] = replace(first[0], status="failed", score=None, response=None)
    assert GroupScore().estimate(first + four("b", [1, 1, 1, 1])).clusters == 1


def test_rotated_groups_of_one_video_are_groups_of_their_own():
    answers = four("a", [1, 1, 1, 1]) + four("a", [0, 0, 0, 0], rotation=1)
    found = GroupScore().estimate(answers)
    assert (found.value, found.n, found.clusters) == (0.5, 8, 1)


def test_lost_questions_without_a_label_are_in_no_bound_unless_the_others_are_scored_so():
    judged = [scored(record(i, "A", question={"target": None}), 0.5) for i in range(4)]
    lost = record(4, None, question={"target": None})
    assert estimates.bounds(Mean("accuracy"), [*judged, lost]) == pytest.approx((2 / 5, 3 / 5))
    assert estimates.bounds(Mean("accuracy"), [*records(4), lost]) is None
    assert estimates.bounds(Mean("accuracy"), [lost]) is None


def test_what_a_verdict_decides_is_not_masked_by_the_letter():
    """MVBench compares the response with the right option: the empty response is right there, and
    so is a letter that its reading would not give."""
    scorer = ChoiceScorer("mvbench")
    question = record(0, "A").question
    for said, worth in (("", 1.0), (f"({question.target.lower()}) text", 1.0), ("The", 0.0)):
        found = scorer.score(question, Response(question.key, said))
        assert found.values == {"accuracy": worth}
        assert (found.answer == question.target) == bool(worth)
