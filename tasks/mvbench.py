"""MVBench: 20 temporal tasks of 200 questions each on short clips, 3 to 5 options (4,000).

Li et al. 2023, arXiv 2311.17005, github.com/OpenGVLab/Ask-Anything (video_chat2/mvbench.ipynb).
Licence: MIT for the code; each source video keeps its own, and the NTU videos of
fine_grained_pose must be obtained from their owners. Chance 27.3% as printed by the paper.

The official protocol: 16 frames at segment mid-points, the system text and the primer
"Best option:(" of ``configs/task/mvbench.yaml``, the mean over the 20 tasks. Its rule only makes
sense behind that primer: see ``harness.scoring.extractors.official.mvbench_verdict``.

lmms-eval (75571cfe) and VLMEvalKit (e8e78f05) have no variant of it with reasoning or subtitles;
VLMEvalKit's words, frames and rule are the official ones, with a judge for what the rule rejects.

Some tasks look at a part of a video (``start`` and ``end`` in seconds); episodic_reasoning is
folders of frames at 3 a second, numbered from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import DataError
from harness.task import Row, Task, gold_letter, listed_options
from harness.types import Clip, Question

FRAMES_PER_SECOND = 3.0

FOLDERS = {
    "action_sequence": "star/Charades_v1_480",
    "action_prediction": "star/Charades_v1_480",
    "action_antonym": "ssv2_video",
    "fine_grained_action": "Moments_in_Time_Raw/videos",
    "unexpected_action": "FunQA_test/test",
    "object_existence": "clevrer/video_validation",
    "object_interaction": "star/Charades_v1_480",
    "object_shuffle": "perception/videos",
    "moving_direction": "clevrer/video_validation",
    "action_localization": "sta/sta_video",
    "scene_transition": "scene_qa/video",
    "action_count": "perception/videos",
    "moving_count": "clevrer/video_validation",
    "moving_attribute": "clevrer/video_validation",
    "state_change": "perception/videos",
    "fine_grained_pose": "nturgbd",
    "character_order": "perception/videos",
    "egocentric_navigation": "vlnqa",
    "episodic_reasoning": "tvqa/frames_fps3_hq",
    "counterfactual_inference": "clevrer/video_validation",
}


@dataclass(frozen=True)
class MVBench(Task):
    """Rows in the schema of OpenGVLab/MVBench, each with its task under ``config``."""

    folders: Mapping[str, str] = field(default_factory=lambda: FOLDERS)

    def clip(self, row: Row) -> Clip:
        """A video, or the part of it that the row bounds."""
        task, name = str(row["config"]), str(row["video"])
        if task not in self.folders:
            raise DataError(f"{task!r} is no task of {self.name}")
        path = self.source.video(f"{self.folders[task]}/{name}")
        if not path.exists() and (beside := self.source.video(name)).exists():
            path = beside  # a copy with all videos in one folder
        start, end = row.get("start"), row.get("end")
        if start is None or end is None:
            segment, id = None, f"{task}/{name}"
        else:
            segment, id = (float(start), float(end)), f"{task}/{name}@{start}-{end}"
        frames = task == "episodic_reasoning"
        return Clip(id, path, segment=segment, fps=FRAMES_PER_SECOND if frames else None)

    def question(self, row: Row) -> Question:
        """One group: the task. Rows have no id: the place in the task serves."""
        options = listed_options(row["candidates"])
        return Question(
            id=str(row["place"]),
            text=str(row["question"]),
            options=options,
            target=gold_letter(row["answer"], options, "text"),
            groups={"task": (str(row["config"]),)},
        )
