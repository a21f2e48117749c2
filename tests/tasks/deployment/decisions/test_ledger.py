"""The ledger of decisions, over both stores: nothing is lost, nothing costs twice, nothing is given back."""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config import Retention, Split
from tasks.data_loading.splitting import HASHES, assign
from tasks.deployment.decisions import ledger, sealed
from tasks.deployment.decisions.entries import Book, Ended, Entry, Ledger, Opened, Reserved
from tasks.deployment.decisions.ledger import Known, ledger_key, read
from tasks.deployment.decisions.replaying import replay
from tasks.deployment.decisions.sealed import Hashes, Terms, reserve
from tasks.deployment.releases import retention
from tasks.deployment.stores.conditions import Conditions, Kept
from tasks.deployment.stores.directory import DirectoryStore
from tasks.deployment.stores.opening import open_store
from tasks.deployment.stores.protocol import SMALL, Store
from tasks.errors import LedgerError, StoreError, WornOut
from tasks.evaluation.records import Question
from tasks.spending import LEAST, ErrorBudget
from tests.processes import CLEAN
from tests.tasks.deployment.interrupted import Interrupted
from tests.tasks.deployment.killing import at_once, killed

MODEL = "shades"
AT = "2026-01-01T00:00:00Z"
TERMS = Terms(error=0.05, ceiling=0.025, by="alice", recipe="int8")


def question(name: str, rules: tuple[str, ...] = ('{"metric":"accuracy"}',)) -> Question:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Question(candidate=digest, samples="s" * 64, rules=rules, opponents={"baseline": "b" * 64})


def places(first: int = 0, count: int = 100) -> Hashes:
    return np.arange(first, first + count, dtype=np.uint64)


def ask(store: Store, name: str, of: Hashes | None = None, known: tuple[Known, ...] = ()) -> Entry:
    return reserve(store, MODEL, question(name), places() if of is None else of, TERMS, known)[0]


def decide(store: Store, name: str, outcome: Any = "INCONCLUSIVE", of: Hashes | None = None) -> Entry:
    return ledger.end(store, MODEL, ask(store, name, of).reserved.number, outcome)


def levels(store: Store) -> list[float]:
    return [entry.reserved.level for entry in read(store, MODEL).entries]


def test_a_decision_is_in_the_ledger_before_it_is_taken_and_keeps_its_verdict(store: Store) -> None:
    begun = ask(store, "a")
    (entry,) = read(store, MODEL).entries
    assert (entry.reserved, entry.ended) == (begun.reserved, None)
    assert (entry.reserved.level, entry.reserved.samples, entry.turn) == (0.025, 100, 1)
    ended = ledger.end(store, MODEL, 1, "PASS")
    assert ended.ended
    assert (ended.ended.outcome, ended.ended.number) == ("PASS", 1)
    assert ledger.end(store, MODEL, 1, "INCONCLUSIVE") == ended  # too late


def test_the_same_question_is_one_entry_and_costs_nothing(store: Store) -> None:
    first = decide(store, "a", "PASS")
    before = store.get(ledger_key(MODEL)).content
    assert ask(store, "a") == first
    assert ask(store, "a") == first
    assert store.get(ledger_key(MODEL)).content == before


def test_a_decision_that_was_begun_goes_on_at_the_same_level_whatever_came_between(store: Store) -> None:
    first = ask(store, "a")
    decide(store, "b")
    again = ask(store, "a")
    assert again.reserved == first.reserved
    assert len(read(store, MODEL).entries) == 2
    ledger.end(store, MODEL, 1, "INCONCLUSIVE")
    ask(store, "c")
    assert levels(store) == pytest.approx([0.025, 0.05 / 90, 0.05 / 90])


def test_each_other_question_has_a_price(store: Store) -> None:
    for name in "abc":
        decide(store, name)
    decide(store, "d", "PASS")
    ask(store, "e")
    assert levels(store) == pytest.approx([0.025, 0.05 / 90, 0.05 / 90, 0.05 / 90, 0.75 * 0.05 / 90])


def test_two_that_are_open_at_once_and_both_pass_leave_what_they_would_one_after_the_other(store: Store) -> None:
    for name in "ab":
        ask(store, name)
    for number in (1, 2):
        ledger.end(store, MODEL, number, "PASS")
    decide(store, "c")
    assert ask(store, "d").reserved.level == pytest.approx(0.05 * 0.5 * 0.75 / 6 * 0.625)  # as after PASS, PASS, none
    (of,) = read(store, MODEL).sets
    assert (of.budget.passed, of.budget.others) == (2, 2)


def test_a_pass_that_comes_late_leaves_no_more_than_one_that_came_in_time(store: Store) -> None:
    rough = Terms(error=0.05, ceiling=0.2, by="alice", recipe="int8")  # of a rule at the confidence 0.6
    for name in "abcd":
        reserve(store, MODEL, question(name), places(), rough)
    for number in (4, 3, 2, 1):
        ledger.end(store, MODEL, number, "PASS")
    entry, _ = reserve(store, MODEL, question("e"), places(), rough)
    assert entry.reserved.level == pytest.approx(0.05 * 0.5 * 0.75 * 5 / 6 * 7 / 8 * 9 / 10)


def test_a_run_that_was_killed_and_goes_on_after_another_has_passed_locks_nothing(store: Store) -> None:
    ask(store, "killed")
    decide(store, "b", "PASS")
    decide(store, "c")
    assert decide(store, "killed", "PASS").reserved.number == 1
    (of,) = read(store, MODEL).sets
    assert of.budget == ErrorBudget().after("PASS").after("PASS").after("INCONCLUSIVE")
    assert ask(store, "d").reserved.level > 0


def replayed(lines: list[Any]) -> Book:
    return replay(Ledger(model=MODEL, lines=tuple(lines)), None, "a ledger")


def lines_of(lines: list[Any]) -> list[Reserved]:
    return [line for line in lines if isinstance(line, Reserved)]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, "PASS", "FAIL", "INCONCLUSIVE"])), max_size=12))
def test_in_whatever_order_decisions_begin_and_end_what_is_left_is_that_of_one_after_the_other(
    events: list[tuple[int, Any]],
) -> None:
    lines: list[Any] = [Opened(samples="5" * 64, count=100, at=AT)]
    verdicts: list[Any] = []
    for which, verdict in events:
        awaited = [number for number, known in enumerate(verdicts, start=1) if known is None]
        if verdict and awaited:
            number = awaited[which % len(awaited)]
            told = verdict if lines_of(lines)[number - 1].question.tells_failure else verdict.replace("FAIL", "PASS")
            lines.append(Ended(number=number, outcome=told, at=AT))
            verdicts[number - 1] = told
        else:
            (of,) = replayed(lines).sets
            asked = question(str(len(verdicts))).model_copy(update={"tells_failure": which % 2 == 0})
            if not (level := of.budget.level(0.05, 0.2)):
                continue
            lines.append(
                Reserved(
                    number=len(verdicts) + 1,
                    set=1,
                    samples=100,
                    question=asked,
                    recipe="int8",
                    error=0.05,
                    ceiling=0.2,
                    level=level,
                    at=AT,
                    by="alice",
                )
            )
            verdicts.append(None)
            assert 0 < level <= 0.05 * of.budget.wealth
    expected = ErrorBudget()
    for line, verdict in zip(lines_of(lines), verdicts, strict=True):
        expected = expected.after(verdict, line.question.tells_failure)
    (of,) = replayed(lines).sets
    assert of.budget == expected
    assert of.budget.wealth >= 0
    assert of.budget.others >= 0


def test_a_failure_is_told_only_where_the_question_asks_for_it_and_has_its_price(store: Store) -> None:
    telling = question("a").model_copy(update={"tells_failure": True})
    decide(store, "a")
    with pytest.raises(LedgerError, match="a FAIL of decision 2, which does not tell it apart"):
        decide(store, "b", "FAIL")
    entry, _ = reserve(store, MODEL, telling, places(), TERMS)  # INCONCLUSIVE does not say whether it is a failure
    assert entry.reserved.number == 3
    failed = ledger.end(store, MODEL, 3, "FAIL")
    assert failed.ended
    assert failed.ended.outcome == "FAIL"
    assert reserve(store, MODEL, telling, places(), TERMS)[0] == failed
    assert 0 < ask(store, "c").reserved.level < 1e-5


def test_a_decision_that_tells_more_answers_what_asks_for_less_and_a_pass_answers_both(store: Store) -> None:
    for name, outcome in (("a", "PASS"), ("b", "INCONCLUSIVE")):
        telling = question(name).model_copy(update={"tells_failure": True})
        entry, _ = reserve(store, MODEL, telling, places(), TERMS)
        ended = ledger.end(store, MODEL, entry.reserved.number, outcome)  # type: ignore[arg-type]
        assert ask(store, name) == ended
    passed = decide(store, "c", "PASS")
    assert reserve(store, MODEL, question("c").model_copy(update={"tells_failure": True}), places(), TERMS)[0] == passed


def test_a_question_that_tells_no_failure_is_written_as_ever() -> None:
    assert "tells_failure" not in question("a").model_dump_json()


@pytest.mark.parametrize("part", ["candidate", "samples", "rules", "opponents"])
def test_whatever_a_question_is_about_makes_it_another(store: Store, part: str) -> None:
    other = {"candidate": "c", "samples": "d", "rules": ("{}",), "opponents": {"baseline": None}}
    reserve(store, MODEL, question("a"), places(), TERMS)
    reserve(store, MODEL, question("a").model_copy(update={part: other[part]}), places(), TERMS)
    assert len(read(store, MODEL).entries) == 2


def test_rules_that_need_no_sealed_sample_cost_nothing(store: Store) -> None:
    entry, used = reserve(store, MODEL, question("a", rules=()), places(), TERMS)
    assert (entry.reserved.set, entry.reserved.level, int(used.sum())) == (0, 0.0, 0)
    ledger.end(store, MODEL, 1, "PASS")
    assert ask(store, "b").reserved.level == 0.025


def test_new_samples_stay_sealed_until_they_are_as_many_and_then_are_a_set_of_their_own(store: Store) -> None:
    for name in "abc":
        decide(store, name)
    _, used = reserve(store, MODEL, question("d"), places(count=199), TERMS)
    assert used.tolist() == [True] * 100 + [False] * 99
    entry, used = reserve(store, MODEL, question("e"), places(count=200), TERMS)
    assert used.tolist() == [False] * 100 + [True] * 100
    assert (entry.reserved.set, entry.reserved.level, entry.turn) == (2, 0.025, 1)
    assert read(store, MODEL).sets[0].turns == 4


def cut(hashes: Hashes, test: float, validation: float = 0.1) -> dict[str, Hashes]:
    """The splits of samples, by their hashes."""
    named = np.array([assign(int(each), None, (), Split(test=test, validation=validation)) for each in hashes])
    return {split: hashes[named == split] for split in ("train", "validation", "test")}


def chosen_and_decided(store: Store, name: str, splits: dict[str, Hashes]) -> Entry:
    """Take a decision about a candidate that was chosen on the validation split."""
    asked = question(name).model_copy(update={"samples": hashlib.sha256(splits["test"].tobytes()).hexdigest()})
    entry, used = reserve(store, MODEL, asked, splits["test"], TERMS, chosen_on=splits["validation"])
    assert int(used.sum()) == entry.reserved.samples
    return ledger.end(store, MODEL, entry.reserved.number, "INCONCLUSIVE")


def test_samples_that_candidates_were_chosen_on_are_no_new_ones_however_the_splits_are_cut(store: Store) -> None:
    hashes = np.random.default_rng(1).integers(0, HASHES, 5420, dtype=np.uint64)
    before, after = cut(hashes, test=0.1), cut(hashes, test=0.21)
    for name in "abcdefghijkl":
        chosen_and_decided(store, name, before)
    entry = chosen_and_decided(store, "m", after)
    assert (entry.reserved.set, entry.reserved.samples, entry.turn) == (1, len(before["test"]), 13)
    assert entry.reserved.level == pytest.approx(0.05 / 90)
    grown = np.concatenate([hashes, np.random.default_rng(2).integers(0, HASHES, 5420, dtype=np.uint64)])
    fresh = chosen_and_decided(store, "n", cut(grown, test=0.21))  # new samples are, and what was trained on
    _, used = reserve(store, MODEL, fresh.reserved.question, cut(grown, test=0.21)["test"], TERMS)
    asked = cut(grown, test=0.21)["test"][used]
    assert (fresh.reserved.set, fresh.reserved.level) == (2, 0.025)
    assert not np.isin(asked, before["validation"]).any()


def test_a_sealed_sample_that_candidates_were_chosen_on_meanwhile_is_not_asked_again(store: Store) -> None:
    hashes = np.random.default_rng(1).integers(0, HASHES, 1000, dtype=np.uint64)
    wide, narrow = cut(hashes, test=0.3), cut(hashes, test=0.2)  # a third of the set is validation meanwhile
    first = chosen_and_decided(store, "a", wide)
    chosen_and_decided(store, "b", narrow)
    again = chosen_and_decided(store, "c", wide)
    assert (again.reserved.set, again.reserved.samples) == (1, len(narrow["test"]))
    _, used = reserve(store, MODEL, first.reserved.question, wide["test"], TERMS)
    assert used.all()  # a decision of before stays as it was


def test_who_wears_out_the_samples_is_told_that_some_are_not_asked(store: Store) -> None:
    reserve(store, MODEL, question("a"), places(), TERMS, chosen_on=places(first=100, count=100))

    def wear_out() -> None:
        for turn in range(100):
            decide(store, str(turn), "PASS" if turn % 2 else "INCONCLUSIVE", of=places(count=200))

    with pytest.raises(WornOut, match="and candidates were chosen on 100 once, which are not asked"):
        wear_out()


def test_the_same_validation_samples_are_named_once_and_new_ones_added(store: Store) -> None:
    for name, count in (("a", 10), ("b", 10), ("c", 5), ("d", 12)):
        reserve(store, MODEL, question(name), places(), TERMS, chosen_on=places(first=1000, count=count))
    barred = [line.count for line in read(store, MODEL).ledger.lines if line.kind == "barred"]
    assert barred == [10, 12]


def test_a_run_that_is_held_back_names_its_samples_once_and_they_never_are_sealed_ones(store: Store) -> None:
    for _ in range(2):
        sealed.name_chosen_on(store, MODEL, places(first=100, count=50))
    assert [line.kind for line in read(store, MODEL).ledger.lines] == ["barred"]
    entry, used = reserve(store, MODEL, question("a"), places(count=150), TERMS)
    assert entry.reserved.samples == 100
    assert used.tolist() == [True] * 100 + [False] * 50


def test_where_nothing_is_decided_nothing_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    where = store if isinstance(store, DirectoryStore) else type(store)
    monkeypatch.setattr(where, "conditions", Conditions(Kept.KEPT, Kept.IGNORED))
    sealed.name_chosen_on(store, MODEL, places())
    assert not list(store.list("ledgers"))


def test_of_two_sets_a_decision_is_taken_where_it_proves_more(store: Store) -> None:
    decide(store, "a", "PASS")  # the set of 100 samples has the next at 0.01875
    decide(store, "b", of=places(count=200))  # another set, where the next is at 0.05 / 90
    assert ask(store, "c", places(count=200)).reserved.set == 1


def test_samples_that_left_the_source_are_not_counted(store: Store) -> None:
    decide(store, "a")
    entry, used = reserve(store, MODEL, question("b"), places(first=40, count=90), TERMS)  # 60 known, 30 new
    assert (entry.reserved.set, entry.reserved.samples, int(used.sum())) == (1, 60, 60)
    entry, _ = reserve(
        store, MODEL, question("c"), places(first=1_000, count=7), TERMS
    )  # all others: a source of its own
    assert (entry.reserved.set, entry.reserved.samples, entry.reserved.level) == (2, 7, 0.025)


def test_equal_samples_are_seen_together(store: Store) -> None:
    entry, used = reserve(store, MODEL, question("a"), np.array([5, 5, 6], np.uint64), TERMS)
    assert (entry.reserved.samples, used.tolist()) == (3, [True] * 3)


def test_samples_wear_out_and_the_error_says_what_restores_them(store: Store) -> None:
    def wear_out() -> None:
        for turn in range(100):
            decide(store, str(turn), "PASS" if turn % 2 else "INCONCLUSIVE")

    with pytest.raises(WornOut, match=r"100, of which 0 were never used.* 100 new ones in the test split"):
        wear_out()
    assert len(levels(store)) > 10
    assert min(levels(store)) >= LEAST
    assert ask(store, "new", places(count=200)).reserved.level == 0.025


def _enter(url: str, number: int, barrier: Any) -> None:
    store = open_store(url)
    barrier.wait()
    decide(store, str(number), "PASS" if number % 2 else "INCONCLUSIVE")


def test_of_several_at_once_none_is_lost(store_url: str) -> None:
    count = 4
    barrier = CLEAN.Barrier(count)
    at_once(partial(_enter, store_url, number, barrier) for number in range(count))
    book = read(open_store(store_url), MODEL)
    assert {entry.reserved.question.candidate for entry in book.entries} == {
        question(str(number)).candidate for number in range(count)
    }
    assert all(entry.ended for entry in book.entries)
    assert len({entry.reserved.number for entry in book.entries}) == count
    assert len(book.sets) == 1


def test_of_two_that_ask_the_same_at_once_there_is_one_entry(store_url: str) -> None:
    barrier = CLEAN.Barrier(2)
    at_once([partial(_enter, store_url, 1, barrier)] * 2)
    (entry,) = read(open_store(store_url), MODEL).entries
    assert entry.ended


def decide_up_to(url: str, write: int, after: bool, seen: Hashes) -> None:
    fatal: Any = Interrupted(open_store(url), write, after=after)
    decide(fatal, f"{write}", "PASS", seen)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_the_next_run_goes_on_and_it_is_paid_once(
    store: Store, store_url: str, after: bool
) -> None:
    for write in (0, 1, 2):  # the samples, the reservation, the verdict
        fresh = places(count=100 * 2**write)
        assert killed(partial(decide_up_to, store_url, write, after, fresh))
        entry = decide(store, f"{write}", "PASS", fresh)
        assert (entry.reserved.number, entry.reserved.level, entry.turn) == (write + 1, 0.025, 1)
        assert len(read(store, MODEL).entries) == write + 1


def change(store: Store, how: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(store.get(ledger_key(MODEL)).content)
    how(content)
    store.put(ledger_key(MODEL), json.dumps(content).encode())


HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "another model": lambda of: of.update(model="other"),
    "another version": lambda of: of.update(schema_version=2),
    "no lines": lambda of: of.pop("lines"),
    "no line": lambda of: of.update(lines=[]),
    "lines that are none": lambda of: of.update(lines=[1, None, {}, {"kind": "else"}] * 500),
    "a level that is too high": lambda of: of["lines"][1].update(level=0.05),
    "a level of nan": lambda of: of["lines"][1].update(level=float("nan")),
    "a smaller error": lambda of: of["lines"][1].update(error=0.01),
    "an error beyond all bounds": lambda of: of["lines"][1].update(error=1e308),
    "a set that was not opened": lambda of: of["lines"][1].update(set=2),
    "no set": lambda of: of["lines"][1].update(set=0),
    "another number": lambda of: of["lines"][1].update(number=10**30),
    "a line twice": lambda of: of["lines"].append(of["lines"][1]),
    "a verdict twice": lambda of: of["lines"].append(of["lines"][2]),
    "a verdict of nothing": lambda of: of["lines"].append({**of["lines"][2], "number": 3}),
    "no samples": lambda of: of["lines"][1].update(samples=0),
    "without the reservation": lambda of: of["lines"].pop(1),
    "without the set": lambda of: of["lines"].pop(0),
    "a moment with control characters": lambda of: of["lines"][0].update(at="\x1b[2J"),
    "too many lines": lambda of: of.update(lines=[of["lines"][0]] * 20_001),
    "a key of its own": lambda of: of["lines"][1].update(budget=1),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_ledger_that_does_not_follow_is_refused_and_left_as_it_is(store: Store, how: str) -> None:
    decide(store, "a")
    change(store, HOSTILE[how])
    before = store.get(ledger_key(MODEL)).content
    for work in (lambda: read(store, MODEL), lambda: ask(store, "b"), lambda: ledger.end(store, MODEL, 1, "PASS")):
        with pytest.raises(LedgerError, match="to be a ledger of decisions") as error:
            work()
        assert len(str(error.value)) < 1_500
        assert "\x1b" not in str(error.value)
    assert store.get(ledger_key(MODEL)).content == before


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"[" * 100_000, b"\xff\xfe", b'"ledger"', b"null", b"1e999"])
def test_what_is_no_record_at_all_is_refused(store: Store, content: bytes) -> None:
    store.put(ledger_key(MODEL), content)
    with pytest.raises(LedgerError, match="to be a ledger of decisions"):
        ask(store, "a")


def test_an_object_larger_than_any_ledger_is_not_read(store: Store) -> None:
    store.put(ledger_key(MODEL), b" " * (SMALL + 1))
    with pytest.raises(StoreError, match="at most"):
        ask(store, "a")


@pytest.mark.parametrize("how", ["removed", "cut", "changed"])
def test_samples_that_are_not_those_of_their_set_give_no_error_back(store: Store, how: str) -> None:
    decide(store, "a")
    key = sealed.samples_key(MODEL, read(store, MODEL).sets[0].opened.samples)
    content = store.get(key).content
    if how == "removed":
        store.delete(key)
    else:
        store.put(key, content[:-8] if how == "cut" else content[:-1] + b"\1")
    with pytest.raises(LedgerError, match="to name the 100 samples of a set"):
        ask(store, "b")


@pytest.mark.parametrize("how", ["removed", "changed", "fewer"])
def test_barred_samples_that_are_missing_or_fewer_are_refused(store: Store, how: str) -> None:
    reserve(store, MODEL, question("a"), places(), TERMS, chosen_on=places(first=100, count=100))
    barred = next(line for line in read(store, MODEL).ledger.lines if line.kind == "barred")
    key = sealed.samples_key(MODEL, barred.samples)
    if how == "removed":
        store.delete(key)
    elif how == "changed":
        store.put(key, store.get(key).content[:-1] + b"\1")
    else:
        change(store, lambda of: of["lines"].append({**of["lines"][0], "count": 1}))
    with pytest.raises(LedgerError, match=r"to name the 100 samples of a set|no more barred samples than before"):
        reserve(store, MODEL, question("b"), places(), TERMS, chosen_on=places(first=100, count=100))


@pytest.mark.parametrize("how", ["removed", "cut", "rewritten"])
def test_a_ledger_that_lost_what_a_release_names_is_refused(store: Store, how: str) -> None:
    decide(store, "a")
    entry = decide(store, "b", "PASS")
    assert entry.sha256
    known = (Known(2, entry.sha256, "release 1 in production"),)
    assert ask(store, "c", known=known).reserved.number == 3
    if how == "removed":
        store.delete(ledger_key(MODEL))
    elif how == "cut":
        change(store, lambda of: of.update(lines=of["lines"][:3]))
    else:
        store.delete(ledger_key(MODEL))
        decide(store, "x")
        decide(store, "b", "PASS")
    with pytest.raises(LedgerError, match=r"release 1 in production names.*restore it from a backup"):
        ask(store, "d", known=known)


def test_without_conditions_on_writes_nothing_is_decided(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    where = store if isinstance(store, DirectoryStore) else type(store)
    monkeypatch.setattr(where, "conditions", Conditions(Kept.KEPT, Kept.IGNORED))
    with pytest.raises(StoreError, match=r"a decision could get lost from the ledger\. Received: .* ignored when"):
        ask(store, "a")
    assert list(store.list("ledgers")) == []


def test_retention_leaves_the_ledger_alone(store: Store) -> None:
    decide(store, "a", "PASS")
    before = {entry.key: store.get(entry.key).content for entry in store.list("ledgers")}
    assert len(before) == 2
    list(retention.clean(store, MODEL, Retention(keep=1, orphan_hours=1)))
    assert {entry.key: store.get(entry.key).content for entry in store.list("ledgers")} == before


def test_a_full_ledger_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_LINES", 3)
    decide(store, "a")
    with pytest.raises(LedgerError, match="at most 3 lines"):
        ask(store, "b")


def test_what_is_written_is_what_is_read(store: Store) -> None:
    decide(store, "a", "PASS")
    book = read(store, MODEL)
    assert isinstance(book, Book)
    assert Ledger.model_validate_json(store.get(ledger_key(MODEL)).content) == book.ledger
    assert [line.kind for line in book.ledger.lines] == ["opened", "reserved", "ended"]
    assert isinstance(book.ledger.lines[2], Ended)


def test_verdicts_that_come_late_together_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work grows with the lines of a ledger, in whatever order its decisions end."""
    budget, begun = ErrorBudget(), list[Any]()
    for number in range(1, 201):
        level = budget.level(0.05, 0.2)
        asked = question(str(number))
        begun.append(
            Reserved(
                number=number,
                set=1,
                samples=100,
                question=asked,
                recipe="int8",
                error=0.05,
                ceiling=0.2,
                level=level,
                at=AT,
                by="alice",
            )
        )
        budget = budget.reserve()
    ended = [Ended(number=number, outcome="PASS", at=AT) for number in range(1, 201)]
    counted = 0

    def after(self: ErrorBudget, *told: Any) -> ErrorBudget:
        nonlocal counted
        counted += 1
        return count_after(self, *told)

    count_after = ErrorBudget.after
    monkeypatch.setattr(ErrorBudget, "after", after)
    (of,) = replayed([Opened(samples="5" * 64, count=100, at=AT), *begun, *ended]).sets
    assert counted < 2 * len(begun)  # as they were begun, and once more when all had ended
    assert of.budget.passed == len(begun)
