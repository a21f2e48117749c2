from tasks.deployment.decisions.entries import Book, Ledger
from tasks.history.joining import join
from tasks.history.pictures import history_svg
from tasks.history.records import Past
from tasks.history.tables import history_table
from tests.tasks.history.material import release, run_record

BOOK = Book(Ledger(model="shades", lines=()), None, (), ())


def lines() -> list[Past]:
    run = run_record(2, ending="Released", release=2, manifest_sha256="b" * 64)
    return join([run, run_record(3)], [release(2, "b" * 64), release(1, "a" * 64)], BOOK)


def test_a_row_has_the_figures_and_is_empty_where_they_are_not_known() -> None:
    held_back, released, old = history_table(lines())
    assert held_back["Accuracy"] == "0.9800 (0.9700 … 0.9900)"
    assert (held_back["Ended"], held_back["Release"], held_back["Gate"]) == ("Held back", "", "INCONCLUSIVE")
    assert (released["Release"], released["Channels"], released["Stored"]) == ("2", "production", "11,000")
    assert (released["Latency"], released["Decisions left"]) == ("40.0 µs (2.00 ×)", "29")
    assert (old["Latency"], old["Decisions left"], old["Data"], old["Cause"]) == ("", "", "", "")
    assert (old["Accuracy"], held_back["Data"]) == ("0.9750", "abababababab")


def test_each_line_has_the_same_columns_where_outcomes_differ() -> None:
    of_another = run_record(4, metric="rmse", metrics={"rmse": 0.31})
    rows = history_table(join([run_record(3), of_another], [], BOOK))
    assert [(row["Rmse"], row["Accuracy"]) for row in rows] == [
        ("0.3100 (0.9700 … 0.9900)", ""),
        ("", "0.9800 (0.9700 … 0.9900)"),
    ]
    assert len({tuple(row) for row in rows}) == 1


def test_the_picture_is_the_same_each_time_and_shows_any_number_of_runs() -> None:
    assert history_svg(lines()) == history_svg(lines())
    many = join([run_record(1 + day % 28, metric="$x^2$", metrics={"$x^2$": 1.0}) for day in range(60)], [], BOOK)
    for past in (lines()[:1], many):
        picture = history_svg(past)
        assert picture.startswith("<svg")
        assert "bytes as stored" in picture
