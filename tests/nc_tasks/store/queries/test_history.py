"""What is known over many submissions: statistics, lineage, the grid of one."""

from datetime import date, timedelta

from sqlalchemy import update

from nc_tasks.store import Store, Submission
from nc_tasks.store.queries import findings, grid, lineage, statistics
from nc_tasks.store.rows import labels, lifecycle, submissions
from nc_tasks.store.tables import Detection
from tests import history
from tests.evidence import CONVERGED
from tests.history import START


def test_given_verdicts_of_several_days_then_each_day_counts_its_own(store: Store) -> None:
    # Given two verdicts on the first day, late and early, one on the third, and a refusal on the second
    ends = [("clean", 0, "ann"), ("backdoored", 23.9, "bob"), ("clean", 48, "ann")]
    with store.write() as session:
        for number, (verdict, hours, owner) in enumerate(ends):
            identity = history.add(session, number, verdict=verdict, norms={0: 9.0}, owner=owner)
            found = update(Detection).where(Detection.submission_id == identity)
            session.execute(found.values(created_at=START + timedelta(hours=hours)))
        refused = history.add(session, 9, owner="ann")
        lifecycle.refuse(session, submission_id=refused, reason="no model")
        ended = update(Submission).where(Submission.id == refused)
        session.execute(ended.values(finished_at=START + timedelta(hours=30)))
    # Then
    with store.read() as session:
        days = statistics.by_day(session)
        assert [(day.day, day.ends) for day in days] == [
            (date(2026, 3, 1), {"clean": 1, "backdoored": 1}),
            (date(2026, 3, 2), {"refused": 1}),
            (date(2026, 3, 3), {"clean": 1}),
        ]
        assert [day.ends for day in statistics.by_day(session, owner="bob")] == [{"backdoored": 1}]
        window = statistics.by_day(session, since=START + timedelta(hours=24), until=START + timedelta(hours=48))
        assert [day.ends for day in window] == [{"refused": 1}]


def test_given_one_cancelled_while_it_is_repaired_then_its_day_counts_its_verdict_alone(store: Store) -> None:
    with store.write() as session:
        identity = history.add(session, 0, verdict="backdoored", norms={0: 3.0})
        session.execute(update(Submission).where(Submission.id == identity).values(state="repairing"))
        submissions.cancel(session, submission_id=identity)
    with store.read() as session:
        assert [day.ends for day in statistics.by_day(session)] == [{"backdoored": 1}]


def test_given_submissions_then_the_totals_count_states_verdicts_and_labels(store: Store) -> None:
    with store.write() as session:
        judged = history.add(session, 0, verdict="clean", norms={0: 9.0}, owner="ann")
        session.execute(update(Submission).where(Submission.id == judged).values(labels_total=43))
        history.add(session, 1, owner="ann")
        history.add(session, 2, owner="bob")
    with store.read() as session:
        everything = statistics.totals(session)
        mine = statistics.totals(session, owner="ann")
        nobody = statistics.totals(session, owner="eve")
    assert (everything.submissions, everything.states) == (3, {"done": 1, "queued": 2})
    assert (mine.submissions, mine.verdicts, mine.labels) == (2, {"clean": 1}, 43)
    assert (nobody.submissions, nobody.states, nobody.verdicts, nobody.labels) == (0, {}, {}, 0)


def test_given_a_goodnet_that_was_submitted_then_parent_and_child_know_each_other(store: Store) -> None:
    # Given a BadNet that was scanned twice, and its GoodNet and guarded net scanned later
    with store.write() as session:
        again = history.add(session, 0, model="a" * 64, seed=1, owner="ann")
        parent = history.add(session, 1, model="a" * 64, verdict="backdoored", norms={0: 3.0}, owner="ann")
        history.repair(session, parent, goodnet="b" * 64, guarded="c" * 64)
        goodnet = history.add(session, 2, model="b" * 64, verdict="clean", norms={0: 30.0}, owner="ann")
        guarded = history.add(session, 3, model="c" * 64, owner="bob")
        history.add(session, 4, owner="ann")
    # Then each knows the others, and an owner only its own
    with store.read() as session:
        found = lineage.lineage(session, submission=submissions.get(session, submission_id=parent))
        assert [kin.id for kin in found.same_model] == [again]
        assert [(kin.id, kin.net, kin.method, kin.verdict) for kin in found.repaired] == [
            (guarded, "guarded", "unlearning", None),
            (goodnet, "goodnet", "unlearning", "clean"),
        ]
        assert found.made_by == []
        child = lineage.lineage(session, submission=submissions.get(session, submission_id=goodnet))
        assert [(kin.id, kin.net) for kin in child.made_by] == [(parent, "goodnet")]
        assert child.same_model == child.repaired == []
        mine = lineage.lineage(session, submission=submissions.get(session, submission_id=parent), owner="ann")
        assert [kin.id for kin in mine.repaired] == [goodnet]
        theirs = lineage.lineage(session, submission=submissions.get(session, submission_id=guarded), owner="bob")
        assert theirs.made_by == []


def test_given_a_scanned_net_that_was_submitted_then_both_know_that_it_was_handed_out(store: Store) -> None:
    # Given a file whose scanned.keras was submitted twice, which was handed out again as it came
    with store.write() as session:
        parent = history.add(session, 0, model="a" * 64)
        children = [history.add(session, number, model="b" * 64, seed=number) for number in (1, 2)]
        for identity in (parent, *children):
            session.execute(update(Submission).where(Submission.id == identity).values(scanned_sha256="b" * 64))
    # Then the file is their origin, and they are the same model to each other
    with store.read() as session:
        found = lineage.lineage(session, submission=submissions.get(session, submission_id=parent))
        assert [(kin.id, kin.net, kin.method) for kin in found.repaired] == [
            (identity, "scanned", None) for identity in reversed(children)
        ]
        assert found.made_by == found.same_model == []
        child = lineage.lineage(session, submission=submissions.get(session, submission_id=children[0]))
        assert [(kin.id, kin.net) for kin in child.made_by] == [(parent, "scanned")]
        assert [kin.id for kin in child.same_model] == [children[1]]
        assert child.repaired == []


def test_given_labels_under_way_then_the_grid_tells_how_far_each_is(store: Store, scanned: str) -> None:
    with store.write() as session:
        before = {cell.label: cell for cell in grid.cells(session, submission_id=scanned)}
        history.end(session, scanned, 2, norm=8.5)
        history.end(session, scanned, 3, state="failed", norm=600.0, reason="lost")
        key = labels.LabelKey(submission_id=scanned, label=1, round=0)
        attempt = labels.claim(session, key=key, worker_id="w", lease_seconds=60, max_attempts=3)
        progress = labels.LabelProgress(key=key, attempt=attempt or 0, updates=150, norm=70.0)
        labels.heartbeat(session, lease_seconds=60, progress=[progress])
    with store.read() as session:
        after = grid.cells(session, submission_id=scanned)
    assert [(cell.label, cell.state, cell.norm, cell.share) for cell in after] == [
        (0, "queued", None, 0.0),
        (1, "running", None, 0.25),
        (2, "done", 8.5, 1.0),
        (3, "failed", None, 1.0),
    ]
    assert [cell.label for cell in grid.changed(before, after)] == [1, 2, 3]
    assert grid.changed({}, after) == after


def test_the_universality_of_each_label_is_that_of_its_last_round(store: Store) -> None:
    # Given a label that was confirmed, one that was not measured, and one without evidence
    with store.write() as session:
        identity = history.add(session, 0)
        for state in ("preparing", "inverting"):
            lifecycle.set_state(session, submission_id=identity, state=state)
        labels.create(session, submission_id=identity, labels=[0, 1, 2], round=0, updates_budget=600)
        labels.create(session, submission_id=identity, labels=[0], round=1, updates_budget=600)
        told = CONVERGED.to_json()
        for label, evidence in ((0, {**told, "transferability": 0.2, "few_norm": 30.0}), (1, told), (2, None)):
            history.end(session, identity, label, norm=9.0, evidence=evidence)
        history.end(session, identity, 0, round=1, norm=8.0, evidence={**told, "transferability": 1, "few_norm": 8.5})
    # Then
    with store.read() as session:
        found = findings.universality(session, submission_id=identity)
    assert [(one.label, one.transferability, one.few_norm) for one in found] == [
        (0, 1.0, 8.5),
        (1, None, None),
        (2, None, None),
    ]
