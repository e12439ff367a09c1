"""Runner of a sweep: submits runs to an engine, keeps their products, and goes on whatever happens to a worker."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait

from experiments.executors.dask_cluster import OtherVersionsError
from experiments.executors.engines import Engine
from experiments.sweeps.plan import PlannedRun
from experiments.sweeps.worker import RunProduct, Task, perform
from sim.errors import StudyError

AHEAD = 4
"""Number of runs submitted for each worker, so that none waits for the next."""

MAX_ATTEMPTS = 3
"""Number of workers that may die of a run when it is simulated alone."""

LOOK_S = 5.0
"""Time between two checks that the engine is still there. [s]"""


class Runner:
    """Runner of a sweep's runs on an engine.

    Parameters
    ----------
    engine : Engine
        The engine.
    task : callable
        Returns the task of a worker for a run.
    keep : callable
        Called with each run and its product, in the order in which they end.
    """

    def __init__(
        self, engine: Engine, task: Callable[[PlannedRun], Task], keep: Callable[[PlannedRun, RunProduct], None]
    ) -> None:
        self._engine, self._task, self._keep = engine, task, keep
        self._executor = engine.open()
        self._in_flight: dict[Future[RunProduct], PlannedRun] = {}
        self._given_up: deque[PlannedRun] = deque()

    def simulate(self, runs: Iterable[PlannedRun]) -> None:
        """Simulate all runs; at last, by itself, each that the engine has given up.

        Raises
        ------
        StudyError
            If the engine is lost, or a worker has other versions.
        """
        waiting = iter(runs)
        unsure: deque[PlannedRun] = deque()
        while True:
            while len(self._in_flight) < AHEAD * self._engine.workers and (run := next(waiting, None)) is not None:
                if not self._submit(run):
                    unsure.append(run)
                    break
            if not self._in_flight and not unsure:
                break
            if self._in_flight:
                unsure.extend(self._take_in())
            if unsure:
                unsure.extend(self._in_flight.values())
                self._simulate_alone(unsure)
        self._retry_given_up()

    def _submit(self, run: PlannedRun) -> bool:
        """Submit a run to the engine; return whether it was accepted."""
        try:
            self._in_flight[self._executor.submit(perform, self._task(run))] = run
        except BrokenExecutor:
            return False
        except Exception as error:  # other errors of an executor that is broken
            if reason := self._engine.lost():
                raise StudyError(_lost(self._engine, reason)) from error
            raise
        return True

    def _take_in(self, *, alone: bool = False) -> list[PlannedRun]:
        """Keep the products that have come; return the runs interrupted by the death of a worker."""
        done, _ = wait(self._in_flight, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        reason = "" if done else self._engine.lost()
        if reason:
            raise StudyError(_lost(self._engine, reason))
        interrupted = []
        for future in done:
            run = self._in_flight.pop(future)
            try:
                product = future.result()
            except BrokenExecutor:
                interrupted.append(run)
                continue
            except CancelledError:
                reason = self._engine.lost() or "it cancelled a run"
                raise StudyError(_lost(self._engine, reason)) from None
            except (OtherVersionsError, ImportError) as error:
                reason = f"{error}; install the same on all machines"
                raise StudyError(_lost(self._engine, reason)) from error
            except Exception as error:  # the engine's own
                if self._engine.worker_died(error) and not alone:
                    self._given_up.append(run)
                    continue
                product = RunProduct(key=run.key, error=f"{type(error).__name__}: {error}".splitlines()[0])
            self._keep(run, product)
        return interrupted

    def _simulate_alone(self, unsure: deque[PlannedRun]) -> None:
        """Simulate one at a time the runs that a worker may have died of, to find out which one it is."""
        deaths: Counter[str] = Counter()
        self._renew()
        while unsure:
            run = unsure.popleft()
            interrupted = [] if self._submit(run) else [run]
            while self._in_flight and not interrupted:
                interrupted = self._take_in()
            if not interrupted:
                continue
            self._renew()
            deaths[run.key] += 1
            if deaths[run.key] < MAX_ATTEMPTS:
                unsure.appendleft(run)
            else:
                error = f"its worker died {MAX_ATTEMPTS} times (killed, or out of memory)"
                self._keep(run, RunProduct(key=run.key, error=error))

    def _retry_given_up(self) -> None:
        """Simulate by itself each run that the engine has given up, so that no other run can end its worker."""
        while self._given_up:
            if self._submit(self._given_up.popleft()):
                while self._in_flight:
                    self._take_in(alone=True)

    def _renew(self) -> None:
        self._in_flight.clear()
        self._executor = self._engine.open()


def _lost(engine: Engine, reason: str) -> str:
    return f"{engine.name}: {reason}; what is done is stored, start the sweep again to go on"
