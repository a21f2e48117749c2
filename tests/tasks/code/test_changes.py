from tasks.code.changes import UNKNOWN, explain_code
from tasks.code.records import CodeRecord

BEFORE = CodeRecord(
    python="3.11",
    modules={"tasks/records.py": "a", "tasks/files.py": "b", "mymodel.py": "c"},
    libraries={"tensorflow": "2.21.0", "pillow": "12.0"},
)


def changed(**more: object) -> list[str]:
    return explain_code(BEFORE.model_copy(update=more).content(), BEFORE.content())


def test_each_kind_of_change_is_told() -> None:
    assert changed() == []
    assert changed(modules={**BEFORE.modules, "tasks/records.py": "x"}) == ["code of tasks/records.py changed"]
    assert changed(modules={"tasks/records.py": "a", "tasks/files.py": "b", "net.py": "d"}) == [
        "it runs net.py now",
        "it does not run mymodel.py any more",
    ]
    assert changed(libraries={"tensorflow": "2.22.0", "scipy": "1.0"}) == [
        "pillow 12.0 → not used",
        "scipy not used → 1.0",
        "tensorflow 2.21.0 → 2.22.0",
    ]
    assert changed(python="3.12") == ["Python 3.11 → 3.12"]


def test_of_many_modules_the_first_are_named() -> None:
    many = {f"m{number}.py": "a" for number in range(9)}
    before = BEFORE.model_copy(update={"modules": many})
    after = before.model_copy(update={"modules": dict.fromkeys(many, "b")})
    (words,) = explain_code(after.content(), before.content())
    assert words == "code of m0.py, m1.py, m2.py, m3.py and 5 more changed"


def test_what_is_not_known_any_more_is_said() -> None:
    assert explain_code(BEFORE.content(), None) == explain_code(BEFORE.content(), b"{}") == [UNKNOWN]


def test_settings_of_the_outcome_are_named() -> None:
    assert changed(settings={"focal": 2.0, "weights": "balanced"}) == [
        "outcome.focal changed",
        "outcome.weights changed",
    ]
