"""Write what happened behind the ports into the ledger: trades, devices and cars."""

from collections.abc import Sequence

import numpy as np

from sim.ev_fleet import Cars
from sim.ledger import Ledger
from sim.messages import Decision, PortAction
from sim.setting import Setting
from sim.settlement import PortMoney

_TEXT, _INT, _FLOAT, _BOOL = np.dtype(object), np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.bool_)

COLUMNS: dict[str, dict[str, np.dtype]] = {
    "ports": {"port": _TEXT, "kind": _TEXT, "bus": _INT, "max_exchange_mw": _FLOAT},
    "trades": {
        **{"day": _INT, "hour": _INT, "port": _TEXT, "retail_price_per_mwh": _FLOAT, "price_per_mwh": _FLOAT},
        **dict.fromkeys(("ordered_p_mw", "ordered_q_mvar", "p_mw", "q_mvar", "shortfall_mw"), _FLOAT),
        "note": _TEXT,
    },
    "devices": {
        **{"day": _INT, "hour": _INT, "port": _TEXT, "device": _TEXT},
        **dict.fromkeys(("p_mw", "q_mvar", "heat_mw", "available_mw", "energy_mwh", "cost"), _FLOAT),
    },
    "cars": {
        **{"port": _TEXT, "stay": _INT, "car": _INT},
        **dict.fromkeys(("arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh"), _FLOAT),
        "full": _BOOL,
    },
    "charging": {"day": _INT, "hour": _INT, "port": _TEXT, "car": _INT, "p_mw": _FLOAT},
}
"""The tables of ports; they have their columns also where there are no ports."""


def owners_of(port: str) -> str:
    """Return who the owners of a port's cars are in the payments."""
    return f"ev_owners_{port}"


class PortRecorder:
    """Turns what microgrids did into rows.

    Parameters
    ----------
    setting : Setting
        For the ports.
    ledger : Ledger
        Where the rows go; the table of ports is written at once.
    """

    def __init__(self, setting: Setting, ledger: Ledger) -> None:
        self._ports, self._ledger = setting.grid.ports, ledger
        for table, columns in COLUMNS.items():
            ledger.append(table, **{name: np.zeros(0, dtype) for name, dtype in columns.items()})
        ledger.append(
            "ports",
            port=[port.name for port in self._ports],
            kind=[port.kind for port in self._ports],
            bus=[port.bus for port in self._ports],
            max_exchange_mw=[port.microgrid.max_exchange_mw for port in self._ports],
        )

    def stays(self, fleets: Sequence[Cars | None]) -> None:
        """Record the stays of all cars, port by port; there are none where a port has no cars."""
        for port, cars in zip(self._ports, fleets, strict=True):
            if cars is not None:
                columns = ("car", "arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh", "full")
                self._ledger.append(
                    "cars",
                    port=port.name,
                    stay=np.arange(len(cars.car)),
                    **{name: getattr(cars, name).tolist() for name in columns},
                )

    def hour(
        self,
        when: dict[str, int],
        *,
        decision: Decision,
        actions: Sequence[PortAction],
        retail_price_per_mwh: float,
    ) -> None:
        """Record trades, devices and the cars that charged in one hour."""
        if not self._ports or decision.schedule is None:
            return
        names = [port.name for port in self._ports]
        agreed = decision.schedule
        self._ledger.append(
            "trades",
            **when,
            port=names,
            retail_price_per_mwh=retail_price_per_mwh,
            price_per_mwh=agreed.price_per_mwh[0],
            ordered_p_mw=agreed.p_mw[0],
            ordered_q_mvar=agreed.q_mvar[0],
            **{name: [getattr(action, name) for action in actions] for name in ("p_mw", "q_mvar", "shortfall_mw")},
            note=[action.note for action in actions],
        )
        devices = [(name, device) for name, action in zip(names, actions, strict=True) for device in action.devices]
        numbers = ("p_mw", "q_mvar", "heat_mw", "available_mw", "energy_mwh", "cost")
        self._ledger.append(
            "devices",
            **when,
            port=[name for name, _ in devices],
            device=[device.device for _, device in devices],
            **{number: [getattr(device, number) for _, device in devices] for number in numbers},
        )
        for name, action in zip(names, actions, strict=True):
            charging = np.flatnonzero(action.charging_mw)
            if len(charging):
                power = action.charging_mw[charging].tolist()
                self._ledger.append("charging", **when, port=name, car=charging.tolist(), p_mw=power)

    def payments(self, when: dict[str, int], money: Sequence[PortMoney], operator: str) -> None:
        """Record who paid whom in one hour: ports the operator, owners of cars the ports, and back."""
        rows = []
        for port, paid in zip(self._ports, money, strict=True):
            rows.append(("trade", port.name, operator, paid.trade))
            if paid.has_cars:
                rows.append(("ev_revenue", owners_of(port.name), port.name, paid.ev_revenue))
                rows.append(("discomfort", port.name, owners_of(port.name), paid.discomfort))
        if rows:
            term, payer, payee, amount = zip(*rows, strict=True)
            self._ledger.append("payments", **when, term=term, payer=payer, payee=payee, amount=amount)
