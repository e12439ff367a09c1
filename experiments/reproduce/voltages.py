"""Voltages of one hour in the most probable of the scenarios that a bid is made from."""

from dataclasses import dataclass

import numpy as np

from experiments.console import ranges
from experiments.evaluation import evaluate
from experiments.reproduce.context import Context, Tick
from experiments.reproduce.result_cache import Record
from grids.components import Voltage
from grids.network import BoolArray, FloatArray, IntArray
from sim.audit import voltages_outside
from sim.instance import Instance
from sim.study import Study


@dataclass(frozen=True, eq=False, kw_only=True)
class VoltageProfile:
    """Voltages along the network in one hour.

    Attributes
    ----------
    bus, fed_by : array, shape (B,)
        Bus numbers, and that of the bus before each on the way from the main grid (0 for the first).
    vm_pu : array, shape (B,)
        Voltages. [p.u.]
    probability : float
        That of the scenario.
    limits : Voltage
        What the voltages should keep.
    """

    bus: IntArray
    fed_by: IntArray
    vm_pu: FloatArray
    probability: float
    limits: Voltage

    @property
    def outside(self) -> BoolArray:
        """Mask of the buses outside the limits, shape (B,)."""
        allowed = self.limits
        low, high = voltages_outside(self.vm_pu, min_vm_pu=allowed.min_vm_pu, max_vm_pu=allowed.max_vm_pu)
        return np.asarray(low | high)

    def in_words(self) -> str:
        """Return which buses are outside the limits, and the lowest voltage."""
        lowest = int(self.vm_pu.argmin())
        extreme = f"the lowest voltage is {self.vm_pu[lowest]:.4f} p.u. at bus {self.bus[lowest]}"
        if not self.outside.any():
            return f"all buses are within the limits; {extreme}"
        return f"buses {ranges(self.bus[self.outside].tolist())} are outside the limits; {extreme}"


def voltage_profile(context: Context, study: Study, *, hour: int, title: str) -> VoltageProfile:
    """Return the voltages of an hour in the most probable kept scenario, with the study's bids and policy.

    Parameters
    ----------
    context : Context
        Cache of results.
    study : Study
        The paper's study with strategy and policy chosen.
    hour : int
        Hour of the day, hour ending 1..24.
    title : str
        What to show while they are computed.
    """

    def compute(tick: Tick) -> Record:
        instance = Instance.of(study)
        kept = instance.kept_scenarios()
        chosen = int(kept.probability.argmax())
        (outcome,) = evaluate(instance, kept.subset(chosen), workers=1, progress=lambda _: tick("day")).outcomes
        grid = instance.grid
        feeding = dict(zip(grid.bus_ids[grid.line_to], grid.bus_ids[grid.line_from], strict=True))
        return {
            "bus": grid.bus_ids.tolist(),
            "fed_by": [int(feeding.get(bus, 0)) for bus in grid.bus_ids],
            "vm_pu": outcome.vm_pu[hour - 1].tolist(),
            "probability": float(kept.probability[chosen]),
        }

    record = context.result(title, study, {"kind": "voltage", "hour": hour}, compute, steps=1)
    return VoltageProfile(
        bus=np.array(record["bus"]),
        fed_by=np.array(record["fed_by"]),
        vm_pu=np.array(record["vm_pu"]),
        probability=record["probability"],
        limits=study.grid.voltage,
    )
