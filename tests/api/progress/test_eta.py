from api.progress.eta import WINDOW_SECONDS, Eta


def test_given_a_steady_pace_then_the_rest_is_told_by_it() -> None:
    eta = Eta()
    assert eta.seconds("inversion", 0.0, 100.0) is None
    assert eta.seconds("inversion", 0.25, 110.0) == 30.0
    assert eta.seconds("inversion", 0.5, 120.0) == 20.0


def test_given_a_pace_that_changes_then_the_last_minute_alone_counts() -> None:
    eta = Eta()
    for second in range(0, 100, 10):
        eta.seconds("inversion", second / 1000, float(second))
    for second in range(100, 100 + int(WINDOW_SECONDS) + 20, 10):
        told = eta.seconds("inversion", 0.1 + (second - 100) / 100 * 0.5, float(second))
    assert told is not None
    assert abs(told - (0.9 - 0.35) / 0.005) < 1e-6


def test_given_nothing_done_or_another_phase_then_nothing_is_known() -> None:
    eta = Eta()
    eta.seconds("inversion", 0.5, 0.0)
    assert eta.seconds("inversion", 0.5, 30.0) is None
    eta.seconds("inversion", 0.9, 40.0)
    assert eta.seconds("repair", 0.0, 41.0) is None
    assert eta.seconds(None, 0.0, 60.0) is None
