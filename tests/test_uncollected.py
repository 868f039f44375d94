"""The search for garbage is put off, never off."""

import gc

import pytest

from harness.run.uncollected import uncollected


def test_it_is_on_again_afterwards_whatever_happens() -> None:
    @uncollected()
    def fails() -> None:
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled(), "an inner block does not end the outer one"
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_what_a_program_turned_off_or_froze_stays_so() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    try:
        with uncollected():
            pass
        assert frozen - 1000 < gc.get_freeze_count() <= frozen  # other threads let go of some
        gc.disable()
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_a_cycle_made_meanwhile_is_found_later() -> None:
    class Node:
        pass

    with uncollected():
        node = Node()
        node.self = node  # type: ignore[attr-defined]
        del node
    gc.collect()
    assert not [found for found in gc.get_objects() if type(found) is Node]
