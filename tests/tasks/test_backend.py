import os
import subprocess
import sys

import pytest

from tasks.backend import threads

SUM = (
    "import numpy as np; from tasks.backend import tensorflow, threads; tf = tensorflow();"
    "values = np.random.default_rng(1).normal(size=(64, 32, 32, 3)).astype('float32');"
    "errors = np.random.default_rng(2).normal(size=(64, 32, 32, 32)).astype('float32');"
    "made = tf.raw_ops.Conv2DBackpropFilter(input=values, filter_sizes=[3, 3, 3, 32], out_backprop=errors,"
    " strides=[1, 1, 1, 1], padding='SAME');"
    "print(threads(), made.numpy().tobytes().hex())"
)


def test_it_is_as_many_as_there_are_processors_or_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    assert threads() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert threads() == 7


def test_the_same_number_gives_the_same_bits_on_fewer_processors() -> None:
    def said(before: str) -> list[str]:
        environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "4"}
        command = [sys.executable, "-c", before + SUM]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()

    here = said("")
    assert here[0] == "4"
    assert said("import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});") == here
