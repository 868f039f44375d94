"""A real tokenizer with a small vocabulary: whole words where it knows them, else characters.

Spaces are not tokens and words have no leading mark, so that "B" is one and the same token in
"B. red", in "(A, B, C" and as the answer behind "ASSISTANT:". Any printable English text can be
encoded; WordPiece spells the words it does not know.
"""

from __future__ import annotations

import re
import string

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from training.asking import ANIMALS, COUNTS, LETTERS, ORDINALS
from training.narration import ABOUT, CHATTER
from training.scene import COLORS, DIRECTIONS, PLACES, SHAPES

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<image>", "<video>")
PIECE = r"\n|[A-Za-z]+(?:-[A-Za-z]+)*|[0-9]|[^\sA-Za-z0-9]"
CHARACTERS = string.printable.strip() + "\n" + "’‘“”–—…°×"

# The words of the usual evaluation prompts, so that other protocols' prompts stay short too.
PROMPTS = """
USER: ASSISTANT: SYSTEM:
Select the best answer to the following multiple-choice question based on the video.
Respond with only the letter (A, B, C, or D) of the correct option.
The best answer is: This video's subtitles are listed below:
These are the frames of a video. Answer with the option's letter from the given choices directly.
Question: Option: Options: Answer: Only give the best option. Best option: Answer the question
using a single word or phrase. Carefully watch the video and pay attention to every detail.
What color is the shape of the object? What shape is the red object? How many objects are in
the video? Where is the object? In which direction does the object move? Which color appears?
Which shape appears? Which color does the background flash? Which animal does the narrator talk
about? Please directly give the best option: yes or no: I think that it must be because I can
not see anything else here
"""


def known() -> list[str]:
    """Every word of the demo's texts and of the prompts, in a stable order."""
    lists = (ANIMALS, COUNTS, ORDINALS, COLORS, DIRECTIONS, PLACES, SHAPES, LETTERS)
    text = " ".join([PROMPTS, *ABOUT, *CHATTER, *(" ".join(words) for words in lists)])
    return sorted(set(re.findall(PIECE, text)))


def build(max_length: int) -> PreTrainedTokenizerFast:
    """The tokenizer; ``max_length`` is the model's context in tokens."""
    characters = sorted(set(CHARACTERS))
    pieces = [*SPECIAL, *known(), *characters, *(f"##{c}" for c in characters if c.isalpha())]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECE), "removed", invert=True)
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", vocabulary["<s>"])]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens={"image_token": "<image>", "video_token": "<video>"},
        padding_side="left",
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
    )
