from typing import Any

import numpy as np
import pytest

from tasks.compression.channels.allocation import Allocator, Limits, Metric, cost
from tasks.compression.channels.graph import Graph, Keep
from tasks.compression.channels.reading import read_graph
from tasks.compression.technique import Allocation
from tests.tasks.compression.channels.networks import NETWORKS

FREE = Limits(minimum=1, multiple_of=1, fixed={})


@pytest.fixture(scope="module", params=["article_cnn", "resnet8"])
def graph(request: pytest.FixtureRequest) -> Graph:
    return read_graph(NETWORKS[request.param]())


def scores(graph: Graph) -> Any:
    return np.random.default_rng(1).random(graph.count)


def widths(graph: Graph, keep: Keep) -> dict[str, int]:
    return {group.name: int(keep[group.channels].sum()) for group in graph.groups}


def allocate(graph: Graph, metric: Metric, budget: float, limits: Limits = FREE, how: Allocation = "uniform") -> Keep:
    found = Allocator(graph, scores(graph), limits, how).allocate(lambda keep: cost(graph, keep, metric), budget)
    assert found is not None
    return found


@pytest.mark.parametrize("metric", ["channels", "parameters", "macs"])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.93])
def test_global_meets_a_budget_and_no_layer_could_have_one_channel_more(
    graph: Graph, metric: Metric, ratio: float
) -> None:
    budget = ratio * cost(graph, graph.everything(), metric)
    keep = allocate(graph, metric, budget, how="global")
    assert cost(graph, keep, metric) <= budget
    for group in graph.groups:
        gone = group.channels[~keep[group.channels]]
        if len(gone):
            more = keep.copy()
            more[gone[0]] = True
            assert cost(graph, more, metric) > budget


@pytest.mark.parametrize("metric", ["channels", "parameters", "macs"])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.93])
def test_uniform_meets_a_budget_with_shares_that_differ_by_one_channel(
    graph: Graph, metric: Metric, ratio: float
) -> None:
    budget = ratio * cost(graph, graph.everything(), metric)
    keep = allocate(graph, metric, budget)
    assert cost(graph, keep, metric) <= budget
    stay = {group.name: keep[group.channels].mean() for group in graph.groups}
    for group in graph.groups:
        assert abs(stay[group.name] - min(stay.values())) <= 1 / len(group.channels) + 1e-9
    more = keep.copy()
    for group in graph.groups:
        gone = group.channels[~keep[group.channels]]
        more[gone[:1]] = True
    assert cost(graph, more, metric) > budget


def test_uniform_takes_the_same_share_of_each_layer(graph: Graph) -> None:
    keep = allocate(graph, "channels", 0.5 * cost(graph, graph.everything(), "channels"))
    assert widths(graph, keep) == {group.name: len(group.channels) // 2 for group in graph.groups}


def test_of_a_layer_the_channels_of_the_lowest_score_go(graph: Graph) -> None:
    keep, score = allocate(graph, "macs", 0.4 * cost(graph, graph.everything(), "macs")), scores(graph)
    for group in graph.groups:
        stay = keep[group.channels]
        assert score[group.channels[stay]].min() > score[group.channels[~stay]].max()


def test_global_takes_the_channels_of_the_lowest_score_wherever_they_are(graph: Graph) -> None:
    total = cost(graph, graph.everything(), "channels")
    keep = allocate(graph, "channels", total - 20, how="global")
    free = np.concatenate([group.channels for group in graph.groups])
    assert set(np.flatnonzero(~keep)) == set(free[np.argsort(scores(graph)[free])[:20]])


def test_widths_are_multiples_above_the_minimum_or_whole(graph: Graph) -> None:
    limits = Limits(minimum=10, multiple_of=4, fixed={})
    keep = allocate(graph, "channels", 0.4 * cost(graph, graph.everything(), "channels"), limits)
    for group in graph.groups:
        width = widths(graph, keep)[group.name]
        assert (width % 4 == 0 and width >= 12) or width == len(group.channels)


def test_a_fixed_width_holds_whatever_the_budget(graph: Graph) -> None:
    first = graph.groups[0].name
    limits = Limits(minimum=1, multiple_of=8, fixed={first: 13})
    for ratio in (1.0, 0.3):
        keep = allocate(graph, "parameters", ratio * cost(graph, graph.everything(), "parameters"), limits)
        assert widths(graph, keep)[first] == 13


def test_a_budget_that_nothing_meets_is_none(graph: Graph) -> None:
    allocator = Allocator(graph, scores(graph), Limits(4, 1, {}), "global")
    assert allocator.allocate(lambda keep: cost(graph, keep, "parameters"), 50) is None
    assert set(widths(graph, allocator.least()).values()) == {4}
