"""Every way to write a kernel as factors keeps these rules."""

from typing import Any

import numpy as np
import pytest

from tasks.compression.lowrank.cp import Cp
from tasks.compression.lowrank.decomposition import Decomposition, Positions, rank_by_energy
from tasks.compression.lowrank.robust_pca import RobustPca
from tasks.compression.lowrank.sequences import TableSvd
from tasks.compression.lowrank.spatial import Spatial
from tasks.compression.lowrank.svd import Svd, split
from tasks.compression.lowrank.tucker import Tucker, tucker2
from tasks.compression.quantization.tables import levels_of
from tests.tasks.compression.lowrank import planted

SHAPE = (3, 3, 10, 14)
DENSE = np.random.default_rng(1).normal(size=(30, 20))
FILTERS = np.random.default_rng(1).normal(size=SHAPE)
POSITIONS = Positions(8, 8, 4, 4)


@pytest.mark.parametrize(
    "decomposition", [Svd(DENSE), Svd(FILTERS), Tucker(FILTERS), Spatial(FILTERS), RobustPca(DENSE)]
)
def test_nothing_is_lost_at_full_rank(decomposition: Decomposition) -> None:
    assert np.allclose(decomposition.reconstruct(decomposition.full), decomposition.kernel, atol=1e-10)
    assert decomposition.error(decomposition.full) < 1e-12


@pytest.mark.parametrize(
    ("decomposition", "ranks"),
    [
        (Svd(planted.matrix(30, 20, 4)), (4,)),
        (Svd(planted.matrix(90, 14, 3).reshape(SHAPE)), (3,)),
        (Tucker(planted.tucker(SHAPE, (4, 6))), (4, 6)),
        (Tucker(planted.tucker(SHAPE, (10, 5))), (10, 5)),
        (Spatial(planted.matrix(30, 42, 4).reshape(3, 10, 3, 14).transpose(0, 2, 1, 3)), (4,)),
        (Cp(planted.components(SHAPE, 3)), (3,)),
    ],
)
def test_planted_ranks_are_found_by_energy_and_give_the_kernel(decomposition: Decomposition, ranks: tuple[int]) -> None:
    assert decomposition.by_energy(1 - 1e-6) == ranks
    assert decomposition.error(ranks) < (1e-3 if isinstance(decomposition, Cp) else 1e-6)


@pytest.mark.parametrize("decomposition", [Svd(DENSE), Svd(FILTERS), Tucker(FILTERS), Spatial(FILTERS)])
@pytest.mark.parametrize("keep", [0.5, 0.8, 0.95])
def test_at_least_the_energy_asked_for_is_kept(decomposition: Decomposition, keep: float) -> None:
    ranks = decomposition.by_energy(keep)
    assert 1 - decomposition.error(ranks) ** 2 >= keep
    assert all(1 <= rank <= most for rank, most in zip(ranks, decomposition.full, strict=True))


def test_the_rank_of_a_cp_decomposition_is_the_least_that_keeps_the_energy() -> None:
    decomposition = Cp(planted.components(SHAPE, 6) + planted.tucker(SHAPE, (10, 14)) * 0.05)
    (rank,) = decomposition.by_energy(0.8)
    assert 1 < rank <= 6
    assert 1 - decomposition.error((rank,)) ** 2 >= 0.8 > 1 - decomposition.error((rank - 1,)) ** 2


def test_an_energy_that_no_smaller_cp_decomposition_keeps_gives_a_rank_that_does_not_pay() -> None:
    decomposition = Cp(FILTERS)
    assert decomposition.parameters(decomposition.by_energy(0.999)) >= FILTERS.size


def test_the_svd_is_the_best_there_is() -> None:
    error = np.linalg.norm(np.linalg.svd(DENSE, compute_uv=False)[7:])
    assert np.linalg.norm(DENSE - Svd(DENSE).reconstruct((7,))) == pytest.approx(error)


def test_size_is_shared_out_evenly() -> None:
    first, second = split(DENSE, 5)
    assert np.linalg.norm(first) == pytest.approx(np.linalg.norm(second))
    factors = tucker2(FILTERS, (4, 5))
    norms = [np.linalg.norm(factor) for factor in factors]
    assert norms == pytest.approx([norms[0]] * 3)


@pytest.mark.parametrize(
    ("decomposition", "ranks", "shapes", "macs"),
    [
        (Svd(DENSE), (4,), ((30, 4), (4, 20)), 30 * 4 + 4 * 20),
        (Svd(FILTERS), (4,), ((3, 3, 10, 4), (4, 14)), (90 * 4 + 4 * 14) * 16),
        (Spatial(FILTERS), (4,), ((3, 1, 10, 4), (1, 3, 4, 14)), 120 * 4 * 8 + 168 * 16),
        (Cp(FILTERS), (4,), ((10, 4), (3, 3, 4), (4, 14)), 40 * 64 + (36 + 56) * 16),
        (Tucker(FILTERS), (4, 5), ((10, 4), (3, 3, 4, 5), (5, 14)), 40 * 64 + (180 + 70) * 16),
        (Tucker(FILTERS), (10, 5), ((3, 3, 10, 5), (5, 14)), (450 + 70) * 16),
        (Tucker(FILTERS), (4, 14), ((10, 4), (3, 3, 4, 14)), 40 * 64 + 504 * 16),
    ],
)
def test_what_the_factors_cost(
    decomposition: Decomposition, ranks: tuple[int], shapes: tuple[tuple[int, ...], ...], macs: int
) -> None:
    positions = Positions() if decomposition.kernel.ndim == 2 else POSITIONS
    assert decomposition.shapes(ranks) == shapes
    assert decomposition.parameters(ranks) == sum(np.prod(shape) for shape in shapes)
    assert decomposition.macs(ranks, positions) == macs


@pytest.mark.parametrize(
    ("spectrum", "keep", "rank"),
    [([3.0, 4.0], 0.36, 1), ([2, 1, 1, 1], 4 / 7, 1), ([2, 1, 1, 1], 0.6, 2), ([1, 0, 0], 1.0, 1), ([0, 0], 0.9, 1)],
)
def test_the_rank_by_energy_is_the_least(spectrum: list[float], keep: float, rank: int) -> None:
    assert rank_by_energy(np.array(spectrum, np.float64), keep) == rank


def test_a_table_is_turned_where_its_rows_lose_less_in_few_bits() -> None:
    """Its columns are as large as singular values, which differ much."""
    rng = np.random.default_rng(3)
    table = (rng.normal(size=(300, 16)) * np.geomspace(1, 0.01, 16)) @ np.linalg.qr(rng.normal(size=(16, 16)))[0]
    decomposition = TableSvd(table.astype(np.float32))
    first, second = decomposition._factors((8,))
    assert first @ second == pytest.approx(Svd(table.astype(np.float32)).reconstruct((8,)), abs=1e-6)
    plain = Svd(table.astype(np.float32))._factors((8,))

    def lost(factors: Any) -> float:
        rounded = levels_of(factors[0].astype(np.float32), 4, "row").real()
        return float(np.square(rounded @ factors[1] - first @ second).sum())

    assert lost((first, second)) < 0.95 * lost(plain)
