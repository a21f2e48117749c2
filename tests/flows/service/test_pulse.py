from flows.service.pulse import Pulse


def test_a_run_counts_as_dead_after_a_time_without_a_new_sign() -> None:
    clock = [0.0]
    pulse = Pulse(90, lambda: clock[0])
    assert pulse.silent({"a": 1, "b": None}) == []
    clock[0] = 60
    assert pulse.silent({"a": 2, "b": None}) == []
    clock[0] = 89
    assert pulse.silent({"a": 2, "b": None, "c": 1}) == []
    clock[0] = 90
    assert pulse.silent({"a": 2, "b": None, "c": 1}) == ["b"]
    clock[0] = 150
    assert pulse.silent({"a": 2, "c": 2}) == ["a"]


def test_who_could_not_look_does_not_know() -> None:
    clock = [0.0]
    pulse = Pulse(90, lambda: clock[0])
    pulse.silent({"a": 1})
    pulse.forget()
    clock[0] = 1000
    assert pulse.silent({"a": 1}) == []
    clock[0] = 1090
    assert pulse.silent({"a": 1}) == ["a"]
