"""Brokers that die or forget, callbacks that never come, messages that come twice."""

from nc_tasks.messages.address import broker_url
from nc_tasks.messages.app import make_app
from tests.faults.home import Home, eventually


def test_a_broker_killed_and_started_again(home: Home) -> None:
    home.script.let_each_take(0.1)
    submission = home.submit(40)
    eventually(lambda: home.states(submission).get("not_converged"))
    home.kill_broker()
    home.ends(submission)


def test_a_broker_that_is_wiped(home: Home) -> None:
    # Given labels that run, and others that wait with their messages
    submission = home.fill()
    # When the broker loses everything
    with home.redis() as redis:
        redis.flushall()
    home.let_go(submission)
    # Then the others are sent again
    home.ends(submission)


def test_a_chord_whose_keys_are_gone(home: Home) -> None:
    # Given a round under way
    home.script.arrange("hold", 0)
    submission = home.submit()
    eventually(lambda: 0 in home.script.now_running())
    # When what the chord counts with is deleted or has expired
    with home.redis() as redis:
        keys = [key for pattern in ("*.j", "*.s", "*.t") for key in redis.scan_iter(pattern)]
        assert keys
        redis.delete(*keys)
    home.script.lift("hold", 0)
    # Then the sweeper takes its place
    home.ends(submission)


def test_one_message_that_is_lost(home: Home) -> None:
    # Given a worker all of whose threads have a label, and others that wait
    submission = home.fill()
    # When one of the messages is lost: a worker died when it had it from the broker, and nobody knew
    with home.redis() as redis:
        assert redis.rpop(home.label_lists()[0])
    home.let_go(submission)
    # Then it is missed once the queue is empty
    home.ends(submission)


def test_every_message_comes_twice(home: Home) -> None:
    home.script.arrange("hold", 0)
    submission = home.submit()
    eventually(lambda: 0 in home.script.now_running())
    app = make_app(home.settings.model_copy(update={"redis_url": broker_url(home.settings)}))
    for label in range(12):
        arguments = {"submission": submission, "label": label, "round": 0}
        app.send_task("nc_tasks.invert_label", kwargs=arguments, queue="labels", ignore_result=True)
    for _ in range(2):
        for task, arguments in (
            ("nc_tasks.start", {"submission": submission}),
            ("nc_tasks.gather", {"submission": submission, "round": 0}),
        ):
            app.send_task(task, kwargs=arguments, queue="control", ignore_result=True)
    app.close()
    home.script.lift("hold", 0)
    home.ends(submission)
