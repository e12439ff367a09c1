"""Train value functions by approximate dynamic programming, backwards from the last hour of the day.

For every hour, from the last to the first, the hour's own problem is solved at sampled states of all stores and
sampled weather, with what energy is worth at its end already known. Its duals say what a MWh more at its start is
worth: one sample of the slope of the hour before, for every store at once. Isotonic regression makes the slopes fall,
so that the function is concave and the hour stays a cone program. The states are drawn around a trajectory: that of
the forecast at first, then those that the trained policy itself takes (Powell 2011, Approximate Dynamic Programming,
https://doi.org/10.1002/9781118029176).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import isotonic_regression

from agents.bid_optimizer import opening_situation
from agents.dispatch.dispatcher import Dispatcher
from agents.dispatch.microgrid_hour import STORES
from agents.dispatch.plan import Plan
from agents.dispatch.port_situation import PortSituation
from agents.dispatch.situation import Situation
from agents.state_of_charge import least_energy, required_energy
from agents.value.functions import ValueFunctions, port_stores, store_names
from grids.network import FloatArray, Port
from sim.errors import StudyError
from sim.ev_fleet import Charging, Envelope, draw_cars
from sim.profiles import HOURS_PER_DAY
from sim.scenarios import Draw, ScenarioSet
from sim.setting import Setting

PARTS = 32
"""Parts of each function."""

NEAR, FAR, FAR_SHARE = 0.03, 0.3, 0.2
"""Standard deviation of sampled states around the trajectory, as a fraction of a store's range: of most, and of some.

Most are near, because what energy is worth depends on how far all stores together are from the bid."""

JUDGED = 4
"""Training days on which a round is judged."""

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Ranges:
    """Least and most energy of every store at the end of hour 0 (the start) to 24, shape (25, N). [MWh]"""

    least: FloatArray
    most: FloatArray

    def energy(self, hour: int, fill: FloatArray) -> FloatArray:
        """Return the energies of stores filled to a fraction of their range at the end of an hour."""
        energy: FloatArray = self.least[hour] + fill * (self.most[hour] - self.least[hour])
        return energy

    def fill(self, hour: int, energy_mwh: FloatArray) -> FloatArray:
        """Return how full stores are, as a fraction of their range."""
        room = self.most[hour] - self.least[hour]
        share = np.divide(energy_mwh - self.least[hour], room, out=np.full_like(room, 0.5), where=room > 1e-9)
        fill: FloatArray = np.clip(share, 0.0, 1.0)
        return fill


class Trainer:
    """Learns the value functions of a study's stores.

    Parameters
    ----------
    setting : Setting
        The built study.
    bid_mw : array, shape (24,)
        The day-ahead bids the hours are settled against. [MW]
    samples : int
        Problems to solve for each hour and round.
    rounds : int
        Passes over the day.
    """

    def __init__(self, setting: Setting, bid_mw: FloatArray, *, samples: int, rounds: int) -> None:
        self._setting, self._bid_mw = setting, bid_mw
        self._samples, self._rounds = samples, rounds
        self._dispatcher = Dispatcher.of(setting)
        self._rng = np.random.default_rng(np.random.SeedSequence(setting.study.seed, spawn_key=(4,)))
        self._days = setting.draw(Draw.TRAINING, max(samples, rounds))
        self._names = store_names(setting.grid)
        if not self._names:
            raise StudyError(f"{setting.study.name} has no stores: there is nothing to learn")
        self._envelopes = [_envelope(setting, port, m) for m, port in enumerate(setting.grid.ports)]
        self._uncontrolled = [
            _uncontrolled(setting, port, m)[:HOURS_PER_DAY] for m, port in enumerate(setting.grid.ports)
        ]
        self._ranges = self._store_ranges()
        self._slopes = {name: np.zeros((HOURS_PER_DAY, PARTS)) for name in self._names}

    def train(self, progress: Progress) -> ValueFunctions:
        """Return the functions of the best round: rounds differ, because a policy learns around its own path."""
        forecast = path = self._forecast_path()
        best, least = self._functions(), np.inf
        for number in range(self._rounds):
            for hour in range(HOURS_PER_DAY, 1, -1):
                progress(f"round {number + 1}, hour {hour}")
                self._learn(hour, (forecast, path))
            path, cost = self._play()
            if cost < least:
                best, least = replace(self._functions(), slopes=dict(self._slopes)), cost
        return best

    def _functions(self) -> ValueFunctions:
        return ValueFunctions(
            slopes=self._slopes,
            provenance={
                "study": self._setting.study.model_dump(mode="json"),
                "samples": self._samples,
                "rounds": self._rounds,
                "bid_mw": self._bid_mw.tolist(),
            },
        )

    def _learn(self, hour: int, paths: tuple[FloatArray, FloatArray]) -> None:
        """Learn what energy is worth at the start of an hour, from samples of that hour around two paths."""
        before = hour - 1
        needed = self._ranges.fill(before, self._needed(before))
        spread = np.where(self._rng.random((self._samples, 1)) < FAR_SHARE, FAR, NEAR)
        centre = np.array([paths[sample % 2][before] for sample in range(self._samples)])
        drawn = centre + spread * self._rng.standard_normal((self._samples, len(self._names)))
        fills = np.clip(drawn, needed, 1.0)
        worth = np.empty_like(fills)
        for sample, fill in enumerate(fills):
            energy = self._ranges.energy(before, fill)
            plan = self._solve(hour, energy, self._days.subset(sample))
            if plan.prices is None:
                raise RuntimeError("a plan of one hour comes with its prices")
            worth[sample] = -np.concatenate([plan.prices.energy_per_mwh[0, 0], plan.prices.store_per_mwh[0]])
        for n, name in enumerate(self._names):
            slopes = self._slopes[name].copy()
            slopes[before - 1] = falling_slopes(fills[:, n], worth[:, n])
            self._slopes[name] = slopes

    def _needed(self, hour: int) -> FloatArray:
        """Return the energy below which no store may be at the end of an hour: the day could not be closed."""
        left = np.array([HOURS_PER_DAY - hour], dtype=np.float64)
        grid = self._setting.grid
        needed = required_energy(grid, np.array([float(hour)]))[0].tolist()
        for port in grid.ports:
            own = [getattr(port.microgrid, store) for store in STORES]
            needed += [float(least_energy(unit, left)[0]) for unit in own if unit is not None]
            needed += [0.0] if port.microgrid.ev is not None else []
        return np.array(needed)

    def _solve(self, hour: int, energy_mwh: FloatArray, day: ScenarioSet) -> Plan:
        """Return the plan of one hour, from given energies of all stores at its start."""
        setting, grid = self._setting, self._setting.grid
        batteries, now = len(grid.batteries), slice(hour - 1, hour)
        whole = opening_situation(setting, day)
        functions = self._functions()
        least, most = self._ranges.least[hour], self._ranges.most[hour]
        situation = replace(
            whole,
            demand_mw=whole.demand_mw[:, now],
            available_mw=whole.available_mw[:, now],
            price_per_mwh=whole.price_per_mwh[now],
            retail_price_per_mwh=whole.retail_price_per_mwh[now],
            over_price_per_mwh=whole.over_price_per_mwh[now],
            under_price_per_mwh=whole.under_price_per_mwh[now],
            start_energy_mwh=energy_mwh[:batteries],
            required_energy_mwh=required_energy(grid, np.array([float(hour)])),
            bid_mw=self._bid_mw[now],
            values=functions.of(self._names[:batteries], hour, least[:batteries], most[:batteries]),
            community=self._community(hour, energy_mwh[batteries:], day, functions) if grid.ports else None,
        )
        return self._dispatcher.plan(situation)

    def _community(
        self, hour: int, energy_mwh: FloatArray, day: ScenarioSet, functions: ValueFunctions
    ) -> tuple[PortSituation, ...]:
        """Return what every microgrid knows in one hour."""
        situations, begin, now = [], 0, slice(hour - 1, hour)
        batteries = len(self._setting.grid.batteries)
        for m, port in enumerate(self._setting.grid.ports):
            names = port_stores(port.name, port.microgrid)
            own = energy_mwh[begin : begin + len(names)]
            mine = slice(batteries + begin, batteries + begin + len(names))
            begin += len(names)
            held = dict(zip((name.rpartition(".")[2] for name in names), own.tolist(), strict=True))
            charged = held.pop("ev", 0.0)
            envelope = self._envelopes[m]
            offset = np.array([charged if name.endswith(".ev") else 0.0 for name in names])
            left = np.array([HOURS_PER_DAY - hour], dtype=np.float64)
            situations.append(
                PortSituation(
                    load_mw=day.port_load_mw[:, now, m],
                    heat_mw=day.port_heat_mw[:, now, m],
                    output_mw=day.port_output_mw[:, now, m],
                    start_mwh=held,
                    required_mwh={name: least_energy(getattr(port.microgrid, name), left) for name in held},
                    ev_max_p_mw=envelope.max_p_mw[now],
                    ev_min_mwh=np.maximum(envelope.min_mwh[now] - charged, 0.0),
                    ev_max_mwh=np.maximum(envelope.max_mwh[now] - charged, 0.0),
                    ev_uncontrolled_mw=self._uncontrolled[m][now],
                    values=functions.of(
                        names, hour, self._ranges.least[hour, mine] - offset, self._ranges.most[hour, mine] - offset
                    ),
                )
            )
        return tuple(situations)

    def _store_ranges(self) -> _Ranges:
        grid = self._setting.grid
        least, most = [], []
        for unit in grid.batteries:
            least.append(np.full(HOURS_PER_DAY + 1, unit.min_soc * unit.max_e_mwh))
            most.append(np.full(HOURS_PER_DAY + 1, unit.max_soc * unit.max_e_mwh))
        for m, port in enumerate(grid.ports):
            for store in STORES:
                own = getattr(port.microgrid, store)
                if own is not None:
                    least.append(np.full(HOURS_PER_DAY + 1, own.min_soc * own.max_e_mwh))
                    most.append(np.full(HOURS_PER_DAY + 1, own.max_soc * own.max_e_mwh))
            if port.microgrid.ev is not None:
                least.append(np.concatenate([[0.0], self._envelopes[m].min_mwh]))
                most.append(np.concatenate([[0.0], self._envelopes[m].max_mwh]))
        return _Ranges(least=np.array(least).T, most=np.array(most).T)

    def _play(self) -> tuple[FloatArray, float]:
        """Return how full stores are as the policy goes, shape (25, N), and what its days cost on average. [$]"""
        paths, costs = [], []
        for day in range(min(JUDGED, len(self._days))):
            energy = self._start()
            path, cost = [self._ranges.fill(0, energy)], 0.0
            for hour in range(1, HOURS_PER_DAY + 1):
                plan = self._solve(hour, energy, self._days.subset(day))
                cost += plan.objective + self._worth(hour, plan, energy)
                energy = np.concatenate([plan.end_energy_mwh[0, 0], self._after(plan, energy)])
                path.append(self._ranges.fill(hour, energy))
            paths.append(np.array(path))
            costs.append(cost)
        mean: FloatArray = np.mean(paths, axis=0)
        return mean, float(np.mean(costs))

    def _worth(self, hour: int, plan: Plan, energy_mwh: FloatArray) -> float:
        """Return the value of what is left after an hour, which the plan counts as income. [$]"""
        left = np.concatenate([plan.end_energy_mwh[0, 0], self._after(plan, energy_mwh)])
        fill = self._ranges.fill(hour, left)
        width = (self._ranges.most[hour] - self._ranges.least[hour]) / PARTS
        parts = np.clip(fill[:, None] * PARTS - np.arange(PARTS), 0.0, 1.0)
        slopes = np.array([self._slopes[name][hour - 1] for name in self._names])
        return float((slopes * parts * width[:, None]).sum())

    def _after(self, plan: Plan, energy_mwh: FloatArray) -> FloatArray:
        """Return what the stores of the ports hold after an hour; cars count what was charged since midnight."""
        batteries = len(self._setting.grid.batteries)
        since = np.array(
            [
                energy_mwh[batteries + n] if name.endswith(".ev") else 0.0
                for n, name in enumerate(self._names[batteries:])
            ]
        )
        held: FloatArray = plan.store_mwh[0] + since
        return held

    def _start(self) -> FloatArray:
        """Return what every store holds when the day begins."""
        grid = self._setting.grid
        energy = [unit.start_soc * unit.max_e_mwh for unit in grid.batteries]
        for port in grid.ports:
            own = [getattr(port.microgrid, store) for store in STORES]
            energy += [unit.start_soc * unit.max_e_mwh for unit in own if unit is not None]
            energy += [0.0] if port.microgrid.ev is not None else []
        return np.array(energy)

    def _forecast_path(self) -> FloatArray:
        """Return how full every store is when the day goes as forecast and everybody knows it, shape (25, N)."""
        setting, grid = self._setting, self._setting.grid
        day = setting.forecast
        ends = np.arange(1.0, HOURS_PER_DAY + 1)
        community = tuple(
            PortSituation(
                load_mw=day.port_load_mw[:, :, m],
                heat_mw=day.port_heat_mw[:, :, m],
                output_mw=day.port_output_mw[:, :, m],
                start_mwh={
                    store: unit.start_soc * unit.max_e_mwh
                    for store in STORES
                    if (unit := getattr(port.microgrid, store)) is not None
                },
                required_mwh={
                    store: least_energy(unit, HOURS_PER_DAY - ends)
                    for store in STORES
                    if (unit := getattr(port.microgrid, store)) is not None
                },
                ev_max_p_mw=self._envelopes[m].max_p_mw,
                ev_min_mwh=self._envelopes[m].min_mwh,
                ev_max_mwh=self._envelopes[m].max_mwh,
                ev_uncontrolled_mw=self._uncontrolled[m],
            )
            for m, port in enumerate(grid.ports)
        )
        situation: Situation = replace(
            opening_situation(setting, day), bid_mw=self._bid_mw, community=community or None
        )
        plan = self._dispatcher.plan(situation)
        energy = np.concatenate([plan.end_energy_mwh[0], plan.store_mwh], axis=1)
        path = np.vstack([self._start(), energy])
        return np.array([self._ranges.fill(hour, row) for hour, row in enumerate(path)])


def falling_slopes(fill: FloatArray, worth: FloatArray) -> FloatArray:
    """Return the slopes of a concave function from samples of its derivative, shape (PARTS,).

    Parameters
    ----------
    fill, worth : array, shape (samples,)
        Where between 0 and 1 the derivative was sampled, and what it was. [$/MWh]
    """
    order = np.argsort(fill, kind="stable")
    fitted = isotonic_regression(worth[order], increasing=False).x
    slopes: FloatArray = np.interp((np.arange(PARTS) + 0.5) / PARTS, fill[order], fitted)
    return slopes


def _envelope(setting: Setting, port: Port, position: int) -> Envelope:
    """Return what the cars behind a port can charge on the first day."""
    if port.microgrid.ev is None:
        nothing = np.zeros(HOURS_PER_DAY)
        return Envelope(min_mwh=nothing, max_mwh=nothing, max_p_mw=nothing)
    return _charging(setting, port, position).envelope(0, HOURS_PER_DAY, end_fill=port.microgrid.ev.start_fill)


def _uncontrolled(setting: Setting, port: Port, position: int) -> FloatArray:
    """Return what the cars behind a port charge if nobody controls them. [MW]"""
    if port.microgrid.ev is None:
        return np.zeros(HOURS_PER_DAY)
    return _charging(setting, port, position).uncontrolled()


def _charging(setting: Setting, port: Port, position: int) -> Charging:
    if port.microgrid.ev is None:
        raise ValueError(f"{port.name} has no cars")
    study = setting.study
    return Charging(draw_cars(port.microgrid.ev, days=study.days, seed=study.seed, port=position))
