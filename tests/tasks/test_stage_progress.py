import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.stage_progress import StageProgress


def shares(*lines: str) -> list[float]:
    progress, found = StageProgress(), []
    for line in lines:
        progress.read(line)
        found.append(round(progress.share, 4))
    return found


def test_epochs_count_when_they_have_ended() -> None:
    assert shares("article_cnn: 810 parameters", "epoch 1/4  loss 1.0", "epoch 2/4  loss 0.9") == [0, 0.25, 0.5]


def test_steps_rounds_and_epochs_count_within_each_other() -> None:
    assert shares(
        "step 1/2: prune",
        "round 1/2: sparsity 0.400",
        "epoch 1/2  loss 1.0",
        "round 2/2: sparsity 0.800",
        "epoch 1/2  loss 1.0",
        "step 2/2: fine_tune",
        "epoch 3/4  loss 0.5",
    ) == [0, 0, 0.125, 0.25, 0.375, 0.5, 0.875]


def test_members_of_teachers_count_within_each_teacher() -> None:
    lines = ("teacher 2/2: strong", "member 2/2 of strong: resnet8, 78,666 parameters", "epoch 1/2  loss 1.0")
    assert shares(*lines) == [0.5, 0.75, 0.875]


def test_what_is_done_never_falls_although_a_step_trains_twice() -> None:
    assert shares("step 1/1: quantize", "epoch 2/2  loss 1.0", "epoch 1/2  loss 0.9") == [0, 1, 1]


@pytest.mark.parametrize(
    "line",
    [
        "epoch 5/4",
        "epoch 0/4",
        "epoch 1/0",
        "kept epoch 1/4",
        "epoch 1/4/7",
        "epoch 9999999/9999999",
        "epochs 1/4",
        "goes on after epoch 3",
        "Epoch 1/4",
        "epoch -1/4",
        "",
    ],
)
def test_other_lines_say_nothing(line: str) -> None:
    progress = StageProgress()
    assert not progress.read(line)
    assert progress.share == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["teacher", "member", "step", "round", "epoch", "word"]),
            st.integers(-1, 9),
            st.integers(-1, 9),
        )
    )
)
def test_whatever_is_printed_the_share_is_one_and_grows(counts: list[tuple[str, int, int]]) -> None:
    found = shares(*(f"{word} {count}/{of}" for word, count, of in counts))
    assert found == sorted(found)
    assert all(0 <= share <= 1 for share in found)
