"""Records of the connections in the ledger: trades, devices and cars."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.ev_fleet import ChargingSessions
from sim.instance import Instance
from sim.ledger import Ledger
from sim.market.settlement import ConnectionMoney
from sim.messages import ConnectionAction, Decision

_TEXT, _INT, _FLOAT, _BOOL = np.dtype(object), np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.bool_)

COLUMNS: dict[str, dict[str, np.dtype]] = {
    "connections": {"connection": _TEXT, "kind": _TEXT, "bus": _INT, "max_exchange_mw": _FLOAT},
    "trades": {
        **{"day": _INT, "hour": _INT, "connection": _TEXT, "retail_price_per_mwh": _FLOAT, "price_per_mwh": _FLOAT},
        **dict.fromkeys(("ordered_p_mw", "ordered_q_mvar", "p_mw", "q_mvar", "shortfall_mw"), _FLOAT),
        "note": _TEXT,
    },
    "devices": {
        **{"day": _INT, "hour": _INT, "connection": _TEXT, "device": _TEXT},
        **dict.fromkeys(("p_mw", "q_mvar", "heat_mw", "available_mw", "energy_mwh", "cost"), _FLOAT),
    },
    "cars": {
        **{"connection": _TEXT, "stay": _INT, "car": _INT},
        **dict.fromkeys(("arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh"), _FLOAT),
        "full": _BOOL,
    },
    "charging": {"day": _INT, "hour": _INT, "connection": _TEXT, "car": _INT, "p_mw": _FLOAT},
}
"""Tables of connections and their columns; they have their columns also where there are no connections."""


def owners_of(connection: str) -> str:
    """Return the name of the owners of a connection's cars in the payments."""
    return f"ev_owners_{connection}"


class ConnectionRecorder:
    """Recorder of the microgrids' actions as rows of the ledger.

    Parameters
    ----------
    instance : Instance
        The instance, for its connections.
    ledger : Ledger
        The ledger to be filled; the table of connections is written at once.
    """

    def __init__(self, instance: Instance, ledger: Ledger) -> None:
        self._connections, self._ledger = instance.grid.connections, ledger
        for table, columns in COLUMNS.items():
            ledger.append(table, **{name: np.zeros(0, dtype) for name, dtype in columns.items()})
        ledger.append(
            "connections",
            connection=[connection.name for connection in self._connections],
            kind=[connection.kind for connection in self._connections],
            bus=[connection.bus for connection in self._connections],
            max_exchange_mw=[connection.microgrid.max_exchange_mw for connection in self._connections],
        )

    def sessions(self, fleets: Sequence[ChargingSessions | None]) -> None:
        """Record the stays of all cars, connection by connection; there are none where a connection has no cars."""
        for connection, cars in zip(self._connections, fleets, strict=True):
            if cars is not None:
                columns = ("car", "arrival_h", "departure_h", "arrival_soc", "need_mwh", "start_mwh", "full")
                self._ledger.append(
                    "cars",
                    connection=connection.name,
                    stay=np.arange(len(cars.car)),
                    **{name: getattr(cars, name).tolist() for name in columns},
                )

    def hour(
        self,
        when: dict[str, Any],
        *,
        decision: Decision,
        actions: Sequence[ConnectionAction],
        retail_price_per_mwh: float,
    ) -> None:
        """Record trades, devices and the cars that charged in one hour."""
        if not self._connections or decision.schedule is None:
            return
        names = [connection.name for connection in self._connections]
        agreed = decision.schedule
        self._ledger.append(
            "trades",
            **when,
            connection=names,
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
            connection=[name for name, _ in devices],
            device=[device.device for _, device in devices],
            **{number: [getattr(device, number) for _, device in devices] for number in numbers},
        )
        for name, action in zip(names, actions, strict=True):
            charging = np.flatnonzero(action.charging_mw)
            if len(charging):
                power = action.charging_mw[charging].tolist()
                self._ledger.append("charging", **when, connection=name, car=charging.tolist(), p_mw=power)

    def payments(self, when: dict[str, Any], money: Sequence[ConnectionMoney], operator: str) -> None:
        """Record the payments of one hour between connections and operator, owners of cars and connections."""
        rows = []
        for connection, paid in zip(self._connections, money, strict=True):
            rows.append(("trade", connection.name, operator, paid.trade))
            if paid.has_cars:
                rows.append(("ev_revenue", owners_of(connection.name), connection.name, paid.ev_revenue))
                rows.append(("discomfort", connection.name, owners_of(connection.name), paid.discomfort))
        if rows:
            term, payer, payee, amount = zip(*rows, strict=True)
            self._ledger.append("payments", **when, term=term, payer=payer, payee=payee, amount=amount)
