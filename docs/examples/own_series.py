"""Series of one's own: quarter-hours in kW and without offsets, over a day of 25 hours; forecasts by persistence."""

import numpy as np
import pandas as pd

import tieline as tl

times = pd.date_range("2025-10-24", "2025-10-28", freq="15min", tz="Europe/Berlin", inclusive="left")
hour = times.hour + times.minute / 60
table = pd.DataFrame(
    {
        "time": times.strftime("%Y-%m-%d %H:%M"),  # 26 October shows 02:00 to 02:45 twice, and so does the file
        "demand_kw": 2000 + 900 * np.sin((hour - 11) * np.pi / 12) + 10 * times.day,
        "wind_pu": 0.4 + 0.2 * np.cos(hour * np.pi / 12),
        "pv_pu": np.maximum(np.cos((hour - 12.5) * np.pi / 10), 0) * 0.6,
        "spot_eur_per_kwh": 0.06 + 0.03 * np.sin((hour - 11) * np.pi / 12),
    }
)
table.to_csv("year.csv", index=False)

study = tl.load_study("microgrid33", bidding="basic", policy="myopic", scenarios=20, keep=2).change(
    {
        "calendar": {"time_zone": "Europe/Berlin", "first_day": "2025-10-26", "step_h": "1/4", "market_period_h": 1},
        "profiles": {
            "file": "year.csv",
            "time": "time",
            "demand_pu": "demand_kw",
            "price_per_mwh": "spot_eur_per_kwh",
            "retail_price_per_mwh": "spot_eur_per_kwh",
            "actual": {"demand_pu": "demand_kw", "wind_pu": "wind_pu", "pv_pu": "pv_pu"},
            "forecast_rule": "persistence",
        },
    }
)
day = tl.run(study)
settled = day.tables["settlements"]
print(f"{len(settled)} quarter-hours, the last ends after {settled['hour'].max():g} hours")
assert day.audit().clean
