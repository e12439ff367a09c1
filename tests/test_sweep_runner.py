"""The runner, on engines that break, cancel and get lost as a test wants it, and a worker by itself."""

import random
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from time import sleep
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from swept import FACTOR, QUICK, plan_of, task_of

import tieline as tl
from agents.anm import POLICIES
from agents.dispatch.kept import kept_dispatchers
from experiments.executors.dask_cluster import OtherVersionsError, require_same
from experiments.sweeps import runner as runner_module
from experiments.sweeps import worker as worker_module
from experiments.sweeps.runner import AHEAD, MAX_ATTEMPTS, Runner
from experiments.sweeps.worker import RunProduct, perform
from sim.errors import StudyError


class WorkersDiedError(Exception):
    """Error that Dask raises for a run whose workers died again and again."""


class Stub(Executor):
    """An engine and its executor, without any process: `step` ends some runs, in an order drawn at random.

    Runs in `poison` always bring down their worker; `kills` is the number of times that another one does.
    """

    name = "a stub"

    def __init__(self, *, workers=2, seed=0, poison=(), kills=0):
        self.workers, self.poison, self.kills = workers, set(poison), kills
        self.dice, self.pending, self.opened, self.most, self.broken = random.Random(seed), {}, 0, 0, False
        self.reason, self.simulated = "", []

    def open(self):
        self.opened += 1
        self.pending, self.broken = {}, False
        return self

    def lost(self):
        return self.reason

    def worker_died(self, error):
        return isinstance(error, WorkersDiedError)

    def submit(self, function, task):
        if self.broken:
            raise BrokenExecutor
        future = Future()
        self.pending[future] = task
        self.most = max(self.most, sum(not each.done() for each in self.pending))
        return future

    def step(self, futures, timeout, return_when):
        """Stand in for `concurrent.futures.wait`."""
        running = [future for future in futures if not future.done()]
        assert running or any(future.done() for future in futures)
        for future in self.dice.sample(running, self.dice.randint(min(1, len(running)), len(running))):
            key = self.pending[future]
            if key in self.poison or (self.kills and self.dice.random() < 0.2):
                self.kills -= key not in self.poison
                self._break()
                break
            self.simulated.append(key)
            future.set_result(RunProduct(key=key))
        done = {future for future in futures if future.done()}
        return done, set(futures) - done

    def _break(self):
        self.broken = True
        for future in self.pending:
            if not future.done():
                future.set_exception(BrokenExecutor("a worker died"))


def simulated_on(stub, names, monkeypatch):
    """Simulate runs; return what was kept, in its order."""
    kept = []
    with monkeypatch.context() as patch:
        patch.setattr(runner_module, "wait", stub.step)
        runner = Runner(stub, lambda run: run.key, lambda run, product: kept.append((run.key, product.error)))
        runner.simulate(SimpleNamespace(key=name) for name in names)
    return kept


@given(
    count=st.integers(0, 40), workers=st.integers(1, 8), seed=st.integers(0, 1000),
    kills=st.integers(0, MAX_ATTEMPTS - 1), poison=st.sets(st.integers(0, 39), max_size=3),
)  # fmt: skip
def test_every_run_is_kept_once_and_only_poison_fails(count, workers, seed, kills, poison):
    stub = Stub(workers=workers, seed=seed, kills=kills, poison=poison)
    with pytest.MonkeyPatch.context() as patch:
        kept = simulated_on(stub, range(count), patch)
    assert sorted(name for name, _ in kept) == list(range(count))
    assert {name for name, error in kept if error} == poison & set(range(count))
    assert stub.most <= AHEAD * workers


@pytest.mark.parametrize("moment", [1, 3, 9])
def test_a_pool_that_breaks_as_a_run_is_submitted_loses_none(monkeypatch, moment):
    """Its worker died of nothing while there was nothing to do."""
    stub = Stub(workers=1)
    original, left = stub.submit, [moment]

    def submit(function, task):
        left[0] -= 1
        if not left[0]:
            stub._break()
        return original(function, task)

    stub.submit = submit
    assert sorted(simulated_on(stub, range(12), monkeypatch)) == [(name, "") for name in range(12)]


def test_order_of_completion_is_irrelevant(monkeypatch):
    kept = [simulated_on(Stub(seed=seed, workers=3), range(20), monkeypatch) for seed in range(5)]
    assert len({tuple(each) for each in kept}) > 1
    assert {frozenset(each) for each in kept} == {frozenset((name, "") for name in range(20))}


def test_a_run_that_ends_its_worker_is_tried_alone_and_reported(monkeypatch):
    stub = Stub(poison=[3])
    kept = simulated_on(stub, range(8), monkeypatch)
    assert dict(kept)[3] == f"its worker died {MAX_ATTEMPTS} times (killed, or out of memory)"
    assert stub.opened == 1 + 1 + MAX_ATTEMPTS  # at first; to simulate alone; after every attempt


def test_no_more_is_submitted_than_workers_can_take_soon(monkeypatch):
    stub = Stub(workers=2)
    taken = []

    def names():
        for name in range(100):
            taken.append(name)
            assert len(taken) - len(stub.simulated) <= AHEAD * 2 + 1
            yield name

    assert len(simulated_on(stub, names(), monkeypatch)) == 100


def test_without_runs_nothing_is_waited_for(monkeypatch):
    assert simulated_on(Stub(), [], monkeypatch) == []


def test_what_the_engine_itself_says_is_recorded_as_a_failure(monkeypatch):
    stub = Stub(workers=1)
    original = stub.submit

    def submit(function, task):
        future = original(function, task)
        if task == 2:
            future.set_exception(TypeError("can't pickle\nthis"))
        return future

    stub.submit = submit
    kept = dict(simulated_on(stub, range(5), monkeypatch))
    assert kept == {0: "", 1: "", 2: "TypeError: can't pickle", 3: "", 4: ""}


def test_a_run_that_the_engine_gives_up_is_simulated_alone_after_all_others(monkeypatch):
    stub = Stub(workers=2)
    original = stub.submit

    def submit(function, task):
        future = original(function, task)
        if task == 3 or (task == 2 and 2 not in given_up):
            given_up[task] = len(stub.simulated)
            future.set_exception(WorkersDiedError("gave up"))
        return future

    given_up = {}
    stub.submit = submit
    kept = simulated_on(stub, range(12), monkeypatch)
    assert sorted(kept) == [(name, "WorkersDiedError: gave up" if name == 3 else "") for name in range(12)]
    assert {name for name, _ in kept[-2:]} == {2, 3}


def test_an_executor_that_takes_nothing_any_more_is_lost(monkeypatch):
    stub = Stub()
    stub.reason = "the scheduler is gone"

    def submit(function, task):
        raise RuntimeError("closed")

    stub.submit = submit
    with pytest.raises(StudyError, match=r"^a stub: the scheduler is gone; what is done is stored"):
        simulated_on(stub, range(3), monkeypatch)
    stub.reason = ""
    with pytest.raises(RuntimeError, match="closed"):
        simulated_on(stub, range(3), monkeypatch)


def test_a_lost_engine_is_told_in_a_line(monkeypatch):
    stub = Stub()
    stub.reason = "the scheduler does not answer any more"
    stub.step = lambda futures, timeout, return_when: (set(), set(futures))
    with pytest.raises(StudyError) as told:
        simulated_on(stub, range(3), monkeypatch)
    assert str(told.value) == (
        "a stub: the scheduler does not answer any more; what is done is stored, start the sweep again to go on"
    )


@pytest.mark.parametrize("reason", ["", "the scheduler is gone"])
def test_cancelled_runs_are_told_in_a_line(monkeypatch, reason):
    stub = Stub()
    stub.reason = reason

    def step(futures, timeout, return_when):
        for future in futures:
            future.set_exception(CancelledError())
        return set(futures), set()

    stub.step = step
    with pytest.raises(StudyError, match=rf"^a stub: {reason or 'it cancelled a run'}; what is done is stored"):
        simulated_on(stub, range(3), monkeypatch)


def test_what_can_not_be_stored_ends_the_sweep(monkeypatch):
    """A full disk: nothing more is simulated."""
    stub = Stub(workers=1)

    def full(run, product):
        raise StudyError("the disk is full")

    monkeypatch.setattr(runner_module, "wait", stub.step)
    with pytest.raises(StudyError, match="the disk is full"):
        Runner(stub, lambda run: run.key, full).simulate(SimpleNamespace(key=name) for name in range(50))
    assert len(stub.simulated) <= AHEAD


# ---- any executor ------------------------------------------------------------------------------------------------

AXIS = {"values": {FACTOR: [1, 2], "market.rule": ["case1", "caiso"]}}


@pytest.fixture(scope="module")
def expected():
    """Simulate every run by itself, in the order of the plan; return the files by key."""
    return {run.key: perform(task_of(run, "all")).parts for run in plan_of(AXIS).runs()}


def test_threads_give_the_same_bytes(expected):
    """Any executor of concurrent.futures will do; two threads of a process do not disturb each other."""
    kept = {}
    with ThreadPoolExecutor(2) as pool:
        engine = SimpleNamespace(
            name="threads", workers=2, open=lambda: pool, lost=str, worker_died=lambda error: False
        )
        runner = Runner(engine, lambda run: task_of(run, "all"), lambda run, product: kept.update({run.key: product}))
        runner.simulate(plan_of(AXIS).runs())
    assert {key: product.parts for key, product in kept.items()} == expected


def test_a_process_simulates_one_run_at_a_time(monkeypatch):
    """Mesa and the solvers have state that threads would share."""
    at_work, most = [], []

    def simulate(given):
        at_work.append(given)
        sleep(0.02)
        most.append(len(at_work))
        at_work.remove(given)
        return {}, {}

    monkeypatch.setattr(worker_module, "_simulate", simulate)
    with ThreadPoolExecutor(4) as pool:
        assert {product.error for product in pool.map(perform, [task_of(run) for run in plan_of(AXIS).runs()])} == {""}
    assert most == [1] * 4


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_in_which_a_worker_simulates_does_not_matter(expected, seed):
    """Nor what it simulated before, another study among it, nor whether it has the models in its memory."""
    runs = [*plan_of(AXIS).runs(), *plan_of({"values": {FACTOR: [7]}}).runs()]
    random.Random(seed).shuffle(runs)
    kept_dispatchers._known.clear()
    for run in [*runs, *runs[:2]]:
        parts = perform(task_of(run, "all")).parts
        assert parts == expected.get(run.key, parts)


# ---- a worker ----------------------------------------------------------------------------------------------------


@pytest.fixture
def task():
    return task_of(plan_of().runs()[0])


class Panic(BaseException):
    """Panic as a Rust library raises it: no Exception."""


@pytest.mark.parametrize(
    "error", [ValueError("no\nway"), MemoryError(), Panic("called unwrap on None"), SystemExit(3)]
)
def test_whatever_goes_wrong_is_told_and_not_raised(task, monkeypatch, error):
    def failing(_):
        raise error

    monkeypatch.setattr(worker_module, "_simulate", failing)
    product = perform(task)
    assert product.parts == {}
    assert product.error == f"{type(error).__name__}: {error}".splitlines()[0]
    assert product.traceback.startswith("Traceback")
    assert "in failing" in product.traceback
    assert product.worker.count(":") == 1


def test_a_worker_with_other_versions_is_refused(task):
    other = replace(task, provenance=task.provenance | {"clarabel": "9.9", "model": "x"})
    with pytest.raises(
        OtherVersionsError, match=r"^worker .+:\d+ has clarabel .+ instead of 9\.9, model .+ instead of x$"
    ):
        perform(other)
    with pytest.raises(OtherVersionsError, match=r"worker me has new None instead of 1"):
        require_same({"new": "1"}, "me")


@pytest.mark.parametrize("error", [OtherVersionsError("worker me has clarabel 9.9"), ModuleNotFoundError("no sim")])
def test_a_worker_with_other_versions_ends_the_sweep_and_fails_no_run(monkeypatch, error):
    stub = Stub()

    def submit(function, task):
        future = Future()
        future.set_exception(error)
        return future

    monkeypatch.setattr(stub, "submit", submit)
    with pytest.raises(
        StudyError, match=rf"a stub: {error}; install the same on all machines; what is done is stored"
    ):
        simulated_on(stub, range(3), monkeypatch)


def test_a_worker_simulates_only_what_the_key_stands_for(task):
    """A file that was edited since the plan was made, or is another one on this machine."""
    other = replace(task, document=task.document | {"days": 2})
    assert "a file of this study is not the one the sweep was planned with" in perform(other).error


def test_a_run_that_the_audit_rejects_is_a_failure(task, monkeypatch):
    findings = ["hour 3: money is missing", "hour 4: so it is here"]
    monkeypatch.setattr(worker_module, "audit", lambda *_: SimpleNamespace(clean=False, findings=findings))
    product = perform(task)
    assert product.error == "StudyError: the audit rejects this run, 2 finding(s): hour 3: money is missing"
    assert product.parts == {}


@pytest.mark.parametrize(("outputs", "kept"), [("summary", {"results"}), ("hourly", {"results", "hourly"})])
def test_a_worker_hands_back_what_is_asked_for(task, outputs, kept):
    product = perform(replace(task, outputs=outputs))
    assert set(product.parts) == kept
    assert product.seconds["total"] >= product.seconds["bid"] > 0
    assert 0.05 < product.memory_gb < 50


# ---- the user's own ----------------------------------------------------------------------------------------------


class Idle:
    """A policy of the user's own that follows `none`."""

    knowledge = tl.Knowledge.HOUR

    def __init__(self, instance, dispatcher):
        self.none = tl.policy("none")(instance, dispatcher)

    def decide(self, view):
        return self.none.decide(view)


@pytest.fixture
def _own_are_forgotten():
    yield
    POLICIES.clear()


@pytest.mark.long
@pytest.mark.usefixtures("_own_are_forgotten")
def test_a_class_of_the_users_own_is_imported_by_the_workers(tmp_path):
    axis = {"values": {"policy": ["none", Idle]}}
    results = tl.sweep({"name": "own", "set": QUICK, "axes": [axis]}, workers=1, out=tmp_path / "own").results
    assert list(results["policy"]) == ["none", "idle"]
    assert results["profit"].nunique() == 1
    again = tl.sweep({"name": "option", "set": QUICK}, workers=1, out=tmp_path / "option", policy=Idle).results
    assert again["profit"].iloc[0] == results["profit"].iloc[0]


@pytest.mark.usefixtures("_own_are_forgotten")
def test_what_workers_cannot_import_is_refused_with_its_remedy(tmp_path):
    class Hidden(Idle):
        pass

    with pytest.raises(StudyError, match="in a module of its own"):
        tl.sweep({"name": "own", "set": QUICK}, out=tmp_path / "own", policy=Hidden)
    tl.run("microgrid33", policy=Idle, scenarios=4, keep=2, bidding="basic")
    with pytest.raises(StudyError, match="known in this process alone; give its class"):
        tl.sweep({"name": "own", "set": {**QUICK, "policy": "idle"}}, out=tmp_path / "own")
    with pytest.raises(StudyError, match="is no option"):
        tl.sweep({"name": "own", "set": QUICK}, out=tmp_path / "own", polycy="none")
    assert not (tmp_path / "own").exists()
