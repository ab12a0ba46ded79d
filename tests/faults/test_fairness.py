"""Who comes to their turn when, on a real broker and a real worker of a few threads."""

from tests.faults.home import THREADS, Home, eventually


def test_a_small_submission_does_not_wait_behind_a_large_one(home: Home) -> None:
    # Given a submission of 400 labels at work
    home.script.let_each_take(0.03)
    large = home.submit(400)
    eventually(lambda: home.states(large).get("not_converged"))
    # When one of 10 labels comes behind it
    ended = home.states(large)["not_converged"]
    small = home.submit(10)
    home.ends(small)
    # Then it has ended while most of the large one waits
    behind = max(position for position, (submission, _) in enumerate(home.order()) if submission == small)
    assert behind - ended < 120
    home.ends(large)


def test_small_ones_that_keep_coming_do_not_starve_a_large_one(home: Home) -> None:
    # Given a submission of 60 labels, whose tail is not urgent, and seven small ones, all of whose labels are
    home.script.let_each_take(0.03)
    large = home.fill(60)
    small = [home.submit(count) for count in range(4, 11)]
    eventually(lambda: home.messages() == 60 - THREADS + sum(home.submissions[one] for one in small))
    home.let_go(large)
    # When all is done
    for submission in (large, *small):
        home.ends(submission)
    # Then labels of that tail came between those of the small ones
    order = home.order()
    last = max(position for position, (submission, _) in enumerate(order) if submission in small)
    tail = [label for submission, label in order[:last] if submission == large and label >= 10]
    assert len(tail) >= sum(home.submissions[one] for one in small) // 6
