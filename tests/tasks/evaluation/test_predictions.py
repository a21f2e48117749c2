import zipfile
from pathlib import Path

import numpy as np
import pytest

from tasks.errors import EvaluationError
from tasks.evaluation.predictions import (
    Answers,
    Predictions,
    check_pairing,
    read_predictions,
    write_predictions,
)
from tasks.workloads.outcomes.classes.answers import right, top


def some(data: str = "d1") -> Predictions:
    scores = np.array([[0.1, 0.9], [0.5, 0.5], [2, 1]], np.float32)
    answers = Answers(scores, np.array([1, 1, 0]))
    return Predictions(data, {"validation": answers})


def test_predictions_come_back_as_they_were(tmp_path: Path) -> None:
    write_predictions(tmp_path / "x.npz", some())
    back = read_predictions(tmp_path / "x.npz")
    assert back.data == "d1"
    np.testing.assert_array_equal(back.splits["validation"].outputs, some().splits["validation"].outputs)
    np.testing.assert_array_equal(back.splits["validation"].targets, [1, 1, 0])


def test_the_first_of_equal_scores_is_the_answer() -> None:
    answers = some().splits["validation"]
    assert top(answers).tolist() == [1, 0, 0]
    assert right(answers).tolist() == [True, False, True]


def test_the_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_predictions(tmp_path / name, some())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_an_absent_model_has_empty_predictions(tmp_path: Path) -> None:
    write_predictions(tmp_path / "x.npz", Predictions())
    back = read_predictions(tmp_path / "x.npz")
    assert (back.data, len(top(back.splits["validation"])), len(back.splits["validation"])) == ("", 0, 0)


def test_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(EvaluationError, match=r"x\.npz to hold a model's predictions"):
        read_predictions(tmp_path / "x.npz")
    for written, words in ({}, "format"), ({"format": np.array(2)}, "the format 2, not 1"):
        np.savez(tmp_path / "x.npz", allow_pickle=False, **written)
        with pytest.raises(EvaluationError, match=words):
            read_predictions(tmp_path / "x.npz")
    with pytest.raises(EvaluationError, match="no such file"):
        read_predictions(tmp_path / "y.npz")


def test_models_measured_on_other_samples_do_not_pair() -> None:
    with pytest.raises(EvaluationError, match="int8 and baseline to be measured on the same samples"):
        check_pairing("int8", some("d1"), "baseline", some("d2"))
