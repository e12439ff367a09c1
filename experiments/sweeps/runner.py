"""The runner: hands runs to an engine, takes in what comes of them, and goes on whatever happens to a worker."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait

from experiments.sweeps.engines import Engine
from experiments.sweeps.plan import PlannedRun
from experiments.sweeps.worker import OtherVersionsError, RunProduct, Task, perform
from sim.errors import StudyError

AHEAD = 4
"""How many runs are handed out for each worker, so that none waits for the next."""

MAX_ATTEMPTS = 3
"""How often a run may bring down its worker when it is simulated alone."""

LOOK_S = 5.0
"""How often to look whether the engine is still there. [s]"""


class Runner:
    """Plays runs on an engine.

    Parameters
    ----------
    engine : Engine
        Where.
    task : callable
        Returns what a worker is to do for a run.
    keep : callable
        Called with each run and what came of it, in the order in which they end.
    """

    def __init__(
        self, engine: Engine, task: Callable[[PlannedRun], Task], keep: Callable[[PlannedRun, RunProduct], None]
    ) -> None:
        self._engine, self._task, self._keep = engine, task, keep
        self._executor = engine.open()
        self._in_flight: dict[Future[RunProduct], PlannedRun] = {}
        self._accused: deque[PlannedRun] = deque()

    def simulate(self, runs: Iterable[PlannedRun]) -> None:
        """Simulate all runs; at last, by itself, each that the engine has given up.

        Raises
        ------
        StudyError
            If the engine is lost, or a worker has other versions.
        """
        waiting = iter(runs)
        suspects: deque[PlannedRun] = deque()
        while True:
            while len(self._in_flight) < AHEAD * self._engine.workers and (run := next(waiting, None)) is not None:
                if not self._hand_out(run):
                    suspects.append(run)
                    break
            if not self._in_flight and not suspects:
                break
            if self._in_flight:
                suspects.extend(self._take_in())
            if suspects:
                suspects.extend(self._in_flight.values())
                self._simulate_alone(suspects)
        self._hear()

    def _hand_out(self, run: PlannedRun) -> bool:
        """Give a run to the engine; return whether it took it."""
        try:
            self._in_flight[self._executor.submit(perform, self._task(run))] = run
        except BrokenExecutor:
            return False
        except Exception as error:  # what else an executor says that is of no more use
            if reason := self._engine.lost():
                raise StudyError(_lost(self._engine, reason)) from error
            raise
        return True

    def _take_in(self, *, alone: bool = False) -> list[PlannedRun]:
        """Keep what has come; return the runs that went down with a worker."""
        done, _ = wait(self._in_flight, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        reason = "" if done else self._engine.lost()
        if reason:
            raise StudyError(_lost(self._engine, reason))
        fallen = []
        for future in done:
            run = self._in_flight.pop(future)
            try:
                product = future.result()
            except BrokenExecutor:
                fallen.append(run)
                continue
            except CancelledError:
                reason = self._engine.lost() or "it cancelled a run"
                raise StudyError(_lost(self._engine, reason)) from None
            except (OtherVersionsError, ImportError) as error:
                reason = f"{error}; install the same on all machines"
                raise StudyError(_lost(self._engine, reason)) from error
            except Exception as error:  # the engine's own
                if self._engine.worker_died(error) and not alone:
                    self._accused.append(run)
                    continue
                product = RunProduct(key=run.key, error=f"{type(error).__name__}: {error}".splitlines()[0])
            self._keep(run, product)
        return fallen

    def _simulate_alone(self, suspects: deque[PlannedRun]) -> None:
        """Simulate one at a time the runs that a worker may have died of: so it is seen which one it is."""
        strikes: Counter[str] = Counter()
        self._renew()
        while suspects:
            run = suspects.popleft()
            fallen = [] if self._hand_out(run) else [run]
            while self._in_flight and not fallen:
                fallen = self._take_in()
            if not fallen:
                continue
            self._renew()
            strikes[run.key] += 1
            if strikes[run.key] < MAX_ATTEMPTS:
                suspects.appendleft(run)
            else:
                error = f"its worker died {MAX_ATTEMPTS} times (killed, or out of memory)"
                self._keep(run, RunProduct(key=run.key, error=error))

    def _hear(self) -> None:
        """Simulate by itself each run that the engine has given up: nothing else can have brought down its worker."""
        while self._accused:
            if self._hand_out(self._accused.popleft()):
                while self._in_flight:
                    self._take_in(alone=True)

    def _renew(self) -> None:
        self._in_flight.clear()
        self._executor = self._engine.open()


def _lost(engine: Engine, reason: str) -> str:
    return f"{engine.name}: {reason}; what is done is stored, start the sweep again to go on"
