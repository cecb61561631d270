"""What names a person does not leave with a note, and is back in the answer."""

from __future__ import annotations

import pytest

from hospital_rt.extraction.llm.deidentify import deidentify

NOTE = "Mrs Okafor (NHS no 943 476 5919) to ring 0161 496 0000. Metoprolol 50 mg, BP 150/90 on 2026-03-10."


def test_masks_are_undone_word_for_word() -> None:
    masked = deidentify(NOTE)
    assert masked.restore(masked.text) == NOTE
    assert "Metoprolol 50 mg, BP 150/90 on 2026-03-10" in masked.text
    for word in ("Okafor", "943", "0161"):
        assert word not in masked.text
        assert word not in repr(masked)


def test_every_part_of_a_note_is_masked_as_the_whole_is_also_where_it_cuts_a_name() -> None:
    masked = deidentify(NOTE)
    for start in range(len(NOTE)):
        for end in (start + 1, start + 7, len(NOTE)):
            part = masked.slice(start, end)
            assert not any(word in part for word in ("Okafor", "943", "0161", "476"))
            if "[" not in part:
                assert part == NOTE[start:end]


def test_a_mask_is_never_a_word_that_the_note_holds_already() -> None:
    masked = deidentify("[NAME-A] is what it says. Mrs Okafor agreed.")
    assert masked.text == "[NAME-A] is what it says. Mrs [NAME-B] agreed."
    assert masked.restore("[NAME-A] and [NAME-B]") == "[NAME-A] and Okafor"


@pytest.mark.parametrize("word", ["May", "Will", "Rose", "Metoprolol", "Monday", "Start"])
def test_words_of_notes_are_no_names(word: str) -> None:
    assert word in deidentify(f"{word} be so. Take {word} daily.").text
