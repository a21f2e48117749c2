from pathlib import Path

import pytest

from tasks.config import Data, data_of
from tasks.data_loading.tracking import expect_tracked
from tasks.errors import ConfigError

DATA = data_of("image").model_validate({"source": "digits"})
STAGE = "stages:\n  load:\n    cmd: load\n    params: [data.workload, {key}]\n"


@pytest.mark.parametrize("key", ["data.image", "data"])
def test_a_graph_that_names_the_workloads_settings_is_taken(tmp_path: Path, key: str) -> None:
    graph = tmp_path / "dvc.yaml"
    graph.write_text(STAGE.format(key=key))
    expect_tracked(DATA, graph)
    expect_tracked(DATA, tmp_path / "none.yaml")


def test_a_graph_of_another_workload_is_refused_with_what_to_write(tmp_path: Path) -> None:
    graph = tmp_path / "dvc.yaml"
    graph.write_text(STAGE.format(key="data.text"))
    with pytest.raises(ConfigError, match=r"data\.image among the params.*Received: data\.workload, data\.text\."):
        expect_tracked(DATA, graph)


@pytest.mark.parametrize("content", ["", "stages: {}", "- 1", "stages: {load: {params: 3}}", "\t"])
def test_a_graph_without_such_a_stage_is_refused_in_a_sentence(tmp_path: Path, content: str) -> None:
    graph = tmp_path / "dvc.yaml"
    graph.write_text(content)
    with pytest.raises(ConfigError, match="to have a stage load with params"):
        expect_tracked(Data(source="digits"), graph)
