"""Pyomo model of one hour of one scenario of a microgrid, legible: its devices, two balances, and costs.

It shares two variables only with the network, `exchange_p_mw` and `exchange_q_mvar`. Repeated over hours and scenarios
and linked to the network's hours it is the central benchmark; on its own, at prices, it is a microgrid that responds
to them: docs/model.md, "Microgrids at connections". Limits and costs of the devices are tables 6 to 12 of the
supplement on networked microgrids (docs/data.md).
"""

import pyomo.environ as pyo

from agents.dispatch.network import Hour, Relation
from grids.components import Storage, energy_limits
from grids.fleet import Microgrid

UNSERVED_PRICE = 1e4
"""Price of load, heat or stored energy that could not be provided: far above any energy. [$/MWh]"""

DEVIATION_PRICE = 2e3
"""Price of exchanging something else than agreed: above any energy, below leaving a load unserved. [$/MWh]"""

REACTIVE_TIE_BREAK = 0.1
"""Small cost of reactive power, which keeps it at zero where the operator asks for none. [$/Mvar²h]"""

STORES = ("battery", "thermal_storage")
"""Fields of a microgrid that are stores; the names of their variables begin with them."""


def microgrid_hour(
    microgrid: Microgrid,
    *,
    proximal: float = 0.0,
    scheduled: bool = False,
    fits: bool = True,
    step_h: float = 1.0,
) -> Hour:
    """Return the Pyomo model of one step of one scenario; its objective is the microgrid's own cost, in $.

    Parameters
    ----------
    microgrid : Microgrid
        Its devices and limits.
    proximal : float
        ρ of the term ρ/2·P² that keeps answers from jumping; its linear part is data. [$/MW²h]
    scheduled : bool
        Follow an agreed exchange, given as data, as well as can be.
    fits : bool
        Charge no more than fits into a store. Where energy has a price it never pays, and the limit may be left out;
        below a price of zero it would pay. The energy when the first hour begins is known, so that its agreed
        exchange can be kept; in later hours the start is relaxed as well.
    step_h : float
        Length of the step. [h]
    """
    m = pyo.ConcreteModel(name="microgrid, one hour")
    m.data_names = []
    m.step_h, m.costs, m.shortfalls = step_h, [], []  # costs of an hour; energy that is missing at the end
    m.electric, m.heat = [], []  # what flows into the two balances
    _add_exchange(m, microgrid, proximal)
    _add_loads(m, microgrid)
    _add_output(m, microgrid)
    _add_diesel(m, microgrid)
    _add_heat_unit(m, microgrid)
    for name, unit in microgrid.stores.items():
        _add_store(m, name, unit, fits=fits)
    _add_cars(m, microgrid)
    if scheduled:
        _add_schedule(m)
    m.electric_balance = pyo.Constraint(expr=m.exchange_p_mw + sum(m.electric) == 0)
    if m.heat:  # also where a store is all there is: it must not fill itself
        m.heat_balance = pyo.Constraint(expr=sum(m.heat) == 0)
    missing = UNSERVED_PRICE * sum(m.shortfalls)
    m.cost = pyo.Objective(expr=step_h * sum(m.costs) + missing, sense=pyo.minimize)
    return m


def _data(m: Hour, name: str) -> pyo.Var:
    """Declare data: a Pyomo variable that a solver never gets to choose."""
    setattr(m, name, pyo.Var(initialize=0.0))
    m.data_names.append(name)
    return getattr(m, name)


def _positive(m: Hour, name: str, upper: float | None = None) -> pyo.Var:
    setattr(m, name, pyo.Var(bounds=(0, upper)))
    return getattr(m, name)


def _add_exchange(m: Hour, microgrid: Microgrid, proximal: float) -> None:
    """Add the exchange with the network, within limits, and its cost at a price and near a quantity."""
    limit = microgrid.max_exchange_mw
    reactive = 0.0 if microgrid.diesel is None else microgrid.diesel.max_q_mvar
    m.exchange_p_mw = pyo.Var(bounds=(-limit, limit))
    m.exchange_q_mvar = pyo.Var(bounds=(-reactive, 0.0))
    m.costs.append(_data(m, "exchange_p_cost_per_mwh") * m.exchange_p_mw)
    m.costs.append(REACTIVE_TIE_BREAK * m.exchange_q_mvar**2)
    if proximal:
        m.costs.append(proximal / 2 * m.exchange_p_mw**2)


def _add_loads(m: Hour, microgrid: Microgrid) -> None:
    """Add inelastic loads, and the part of them that can't be served."""
    for name, flow, largest in (("load", m.electric, microgrid.max_load_mw), ("heat", m.heat, microgrid.max_heat_mw)):
        if largest > 0:
            demanded, unserved = _data(m, f"{name}_mw"), _positive(m, f"unserved_{name}_mw")
            setattr(m, f"{name}_is_demanded", pyo.Constraint(expr=unserved <= demanded))
            flow.append(unserved - demanded)
            m.costs.append(UNSERVED_PRICE * unserved)


def _add_output(m: Hour, microgrid: Microgrid) -> None:
    """Add renewable output, which may be curtailed."""
    if microgrid.max_output_mw > 0:
        output = _positive(m, "output_p_mw")
        m.output_is_available = pyo.Constraint(expr=output <= _data(m, "available_mw"))
        m.electric.append(output)


def _add_diesel(m: Hour, microgrid: Microgrid) -> None:
    """Add the diesel generator: quadratic fuel cost; all reactive power of the microgrid is its own (Table 11)."""
    if microgrid.diesel is not None:
        unit = microgrid.diesel
        power = _positive(m, "diesel_p_mw", unit.max_p_mw)
        m.electric.append(power)
        m.costs.append(unit.fuel_cost(power))


def _add_heat_unit(m: Hour, microgrid: Microgrid) -> None:
    """Add the unit that makes the heat; surplus heat is vented (Table 10)."""
    if microgrid.heat_unit is not None:
        unit = microgrid.heat_unit
        power, heat = _positive(m, "heat_unit_p_mw", unit.max_p_mw), _positive(m, "heat_unit_heat_mw")
        m.heat_is_made = pyo.Constraint(expr=heat <= unit.heat_ratio * power)
        m.electric.append(power if unit.reading == "combined_heat_and_power" else -power)
        m.heat.append(heat)
        m.costs.append(unit.cost_per_mwh * power)


def _add_store(m: Hour, name: str, unit: Storage, *, fits: bool) -> None:
    """Add a store of electricity or heat; its power is positive for discharge (Tables 8 and 9)."""
    power, end = pyo.Var(bounds=(-unit.max_p_mw, unit.max_p_mw)), pyo.Var(bounds=energy_limits(unit))
    setattr(m, f"{name}_p_mw", power)
    setattr(m, f"{name}_end_mwh", end)
    shortfall = _positive(m, f"{name}_shortfall_mwh")
    left = unit.standing_efficiency**m.step_h * _data(m, f"{name}_start_mwh")

    def relate(part: str, relation: Relation) -> None:
        setattr(m, f"{name}_{part}", pyo.Constraint(expr=relation))

    relate("discharging", end <= left - power * m.step_h / unit.efficiency)
    relate("charging", end <= left - power * m.step_h * unit.efficiency)
    if fits:
        relate("room", -power * m.step_h * unit.efficiency <= energy_limits(unit)[1] - left)
    relate("requirement", end + shortfall >= _data(m, f"{name}_required_mwh"))
    m.shortfalls.append(shortfall)
    if unit.wear_per_mwh > 0:
        throughput = pyo.Var()
        setattr(m, f"{name}_throughput_mw", throughput)
        relate("out", power <= throughput)
        relate("in", -power <= throughput)
        m.costs.append(unit.wear_per_mwh * throughput)
    (m.heat if name == "thermal_storage" else m.electric).append(power)


def _add_cars(m: Hour, microgrid: Microgrid) -> None:
    """Add the cars as one virtual battery: bounds on power and on the energy charged so far, and discomfort."""
    if microgrid.ev is None:
        return
    power, end = _positive(m, "ev_p_mw"), pyo.Var()
    m.ev_end_mwh = end
    shortfall = _positive(m, "ev_shortfall_mwh")
    m.ev_power = pyo.Constraint(expr=power <= _data(m, "ev_max_p_mw"))
    m.ev_charging = pyo.Constraint(expr=end == _data(m, "ev_start_mwh") + power * m.step_h)
    m.ev_least = pyo.Constraint(expr=end + shortfall >= _data(m, "ev_min_mwh"))
    m.ev_most = pyo.Constraint(expr=end <= _data(m, "ev_max_mwh"))
    m.electric.append(-power)
    m.shortfalls.append(shortfall)
    m.costs.append(microgrid.ev.discomfort(power, _data(m, "ev_uncontrolled_mw")))


def _add_schedule(m: Hour) -> None:
    """Add the price of exchanging something else than agreed."""
    for name, exchange in (("p_mw", m.exchange_p_mw), ("q_mvar", m.exchange_q_mvar)):
        off, agreed = _positive(m, f"off_schedule_{name}"), _data(m, f"scheduled_{name}")
        setattr(m, f"above_schedule_{name}", pyo.Constraint(expr=exchange - agreed <= off))
        setattr(m, f"below_schedule_{name}", pyo.Constraint(expr=agreed - exchange <= off))
        m.costs.append(DEVIATION_PRICE * off)


def offer_model(limit_mw: float, limit_mvar: float, *, proximal: float, step_h: float = 1.0) -> Hour:
    """Return the model of a microgrid as the operator knows it in one hour: limits of the exchange, price, quantity.

    Parameters
    ----------
    limit_mw, limit_mvar : float
        Largest active power both ways, and reactive power to the network. [MW], [Mvar]
    proximal : float
        ρ of the term ρ/2·P². [$/MW²h]
    step_h : float
        Length of the step. [h]
    """
    m = pyo.ConcreteModel(name="offer of a microgrid, one hour")
    m.data_names = []
    m.exchange_p_mw = pyo.Var(bounds=(-limit_mw, limit_mw))
    m.exchange_q_mvar = pyo.Var(bounds=(-limit_mvar, 0.0))
    linear = _data(m, "exchange_p_cost_per_mwh") * m.exchange_p_mw
    m.cost = pyo.Objective(expr=step_h * (linear + proximal / 2 * m.exchange_p_mw**2))
    return m


def curve_model(segments: int, step_h: float = 1.0) -> Hour:
    """Return the model of a microgrid that submitted a demand curve; its objective is minus the area.

    Parameters
    ----------
    segments : int
        Steps K of the curve.
    step_h : float
        Length of the step of time. [h]
    """
    m = pyo.ConcreteModel(name="demand curve of a microgrid, one hour")
    m.data_names = []
    m.STEPS = pyo.RangeSet(0, segments - 1)
    m.exchange_p_mw, m.exchange_q_mvar = pyo.Var(), pyo.Var(bounds=(None, 0.0))
    m.step_mw = pyo.Var(m.STEPS, bounds=(0, None))
    m.reactive = pyo.Constraint(expr=-_data(m, "max_q_mvar") <= m.exchange_q_mvar)
    for name in ("width_mw", "price_per_mwh"):
        setattr(m, name, pyo.Var(m.STEPS, initialize=0.0))
        m.data_names.append(name)
    m.width = pyo.Constraint(m.STEPS, rule=lambda m, k: m.step_mw[k] <= m.width_mw[k])
    m.taken = pyo.Constraint(expr=m.exchange_p_mw == _data(m, "least_mw") + sum(m.step_mw[k] for k in m.STEPS))
    m.cost = pyo.Objective(expr=-step_h * sum(m.price_per_mwh[k] * m.step_mw[k] for k in m.STEPS))
    return m


def reactive_model() -> Hour:
    """Return the model of the reactive power of a microgrid whose active power is given, at no cost."""
    m = pyo.ConcreteModel(name="reactive power of a microgrid, one hour")
    m.data_names = []
    m.exchange_q_mvar = pyo.Var(bounds=(None, 0.0))
    m.reactive = pyo.Constraint(expr=-_data(m, "max_q_mvar") <= m.exchange_q_mvar)
    m.cost = pyo.Objective(expr=0.0)
    return m
