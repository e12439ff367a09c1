"""A study of one's own: a day of profiles in a CSV file, and a market of one's own."""

import numpy as np
import pandas as pd

import tieline as tl

hour = np.arange(1, 25)
pd.DataFrame(
    {
        "hour_ending": hour,
        "demand": 0.6 + 0.4 * np.exp(-(((hour - 19) / 4) ** 2)),  # of peak
        "wind": 0.3,  # of capacity
        "sun": np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None).round(4),
        "price": 40 + 20 * (np.abs(hour - 19) <= 2),  # $/MWh, day-ahead
        "retail": 90.0,
    }
).to_csv("my_day.csv", index=False)

columns = {
    "demand_pu": "demand",
    "wind_pu": "wind",
    "pv_pu": "sun",
    "price_per_mwh": "price",
    "retail_price_per_mwh": "retail",
}
study = tl.load_study("microgrid33", policy="myopic", scenarios=10, keep=2).change(
    {"name": "my_study", "profiles": {"file": "my_day.csv", **columns}, "market.rule": "caiso", "days": 2}
)
run = tl.run(study)
print(run.money.round(2).to_string())
assert set(run.tables["market"]["retail_price_per_mwh"]) == {90.0}
