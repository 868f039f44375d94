"""lmms-eval's Video-MME-v2 before and after pull request 1475: what each of its two functions, run
from release 0.7.3 and from 75571cfe, made of the same responses."""

import pytest

from harness.scoring.extractors import EXTRACTORS, right

OPTIONS = ("red car", "blue truck", "green bus", "yellow van")

# response, before (75571cfe), after (0.7.3); None: unparsed there, which is wrong
TRUTH = [
    ("F", "F", "F"),
    ("f", None, "F"),
    ("(F)", "F", None),
    ("F.", "F", "F"),
    ("F)", "F", "F"),
    ("F. it is", "F", "F"),
    ("F because", "F", None),
    ("**F**", "F", "F"),
    ("** f **", None, "F"),
    ("F\nas A and B are wrong", "F", "F"),
    ("As A and B are wrong:\nF", "A", "F"),
    ("As A and B are wrong:\n**F**.", "A", "F"),
    ("As A and B are wrong:\r\nF", "A", "F"),
    ("Because of that, F", "B", None),
    ("The answer is F", "F", "F"),
    ("The answer is (F)", "F", None),
    ("The answer is **F**", "F", "F"),
    ("A man runs. The answer is F", "A", "F"),
    ("A man runs, so the option would be g here", "A", "G"),
    ("First answer: A, final answer: B it is", "F", "B"),
    ("Answer: **H** and no other", "H", "H"),
    ("Answer: Boat", "B", None),
    ("I think **C.** is meant", "C", "C"),
    ("**C** or **D** is meant", "C", None),
    ("**C** and again **c** is meant", "C", "C"),
    ("it is the blue truck", None, "B"),
    ("Definitely the blue truck", "D", "B"),
    ("the red car or the green bus", None, None),
    ("The answer is the green bus", None, "C"),
    ("I cannot tell", None, None),
    ("", None, None),
    ("A B", "A", None),
]


@pytest.mark.parametrize(("response", "before", "after"), TRUTH)
def test_lmms_eval_reads_video_mme_v2_otherwise_since_august_2026(response, before, after):
    assert EXTRACTORS["videomme_v2_lmms_until_2026_08"](response, OPTIONS) == before
    assert EXTRACTORS["videomme_v2_lmms"](response, OPTIONS) == after


def test_what_an_audit_makes_of_both():
    response = "As A and B are wrong:\nF"
    assert right("videomme_v2_lmms_until_2026_08", response, OPTIONS, "F") is False
    assert right("videomme_v2_lmms", response, OPTIONS, "F") is True


@pytest.mark.parametrize(
    ("options", "response", "read"),
    [
        (("", "blue truck"), "nothing of the kind", "A"),  # an empty text is in every response
        (("red car", "red car."), "a red car", None),
        (("two\nlines", "green bus", "red car"), "two", "A"),
        (("two\nlines", "green bus", "red car"), "the green bus", None),  # a line too late
        (("A. red", "B. car"), "some car", "B"),  # options may carry their letters
        ((), "some car", None),
    ],
)
def test_texts_are_cut_into_lines_as_the_source_does(options, response, read):
    assert EXTRACTORS["videomme_v2_lmms"](response, options) == read
