"""Computing times and workers of a sweep's runs, in a file of their own, for they are never the same twice."""

import csv
import math
from io import BytesIO
from pathlib import Path

import pandas as pd

from experiments.sweeps.outputs import TIMINGS
from experiments.sweeps.worker import RunProduct
from grids.documents import read_bytes

COLUMNS = ("key", *(timing.name for timing in TIMINGS), "memory_gb", "worker")


class Timings:
    """Timings of a sweep: a CSV file to which a row is added for every run.

    Parameters
    ----------
    path : Path
        The file; begun with the first row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, product: RunProduct) -> None:
        """Add a run."""
        seconds = [f"{product.seconds.get(timing.name.removesuffix('_s'), math.nan):.4f}" for timing in TIMINGS]
        new = not self.path.exists() or not self.path.stat().st_size
        with self.path.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            if new:
                rows.writerow(COLUMNS)
            rows.writerow([product.key, *seconds, f"{product.memory_gb:.3f}", product.worker])

    def mend(self) -> None:
        """Drop a row that was only half written when a sweep was killed."""
        if self.path.exists():
            whole, newline, torn = self.path.read_text(encoding="utf-8", errors="replace").rpartition("\n")
            if torn:
                self.path.write_text(whole + newline, encoding="utf-8")

    def frame(self) -> pd.DataFrame:
        """Return the last row of every run, by its key."""
        if not self.path.exists() or not self.path.stat().st_size:
            return pd.DataFrame(columns=list(COLUMNS)).set_index("key")
        try:
            content = BytesIO(read_bytes(self.path, "CSV"))
            rows = pd.read_csv(content, dtype={"key": str}, on_bad_lines="skip", encoding_errors="replace")
        except (OSError, ValueError, OverflowError):  # a damaged file counts as empty
            rows = pd.DataFrame()
        rows = rows.reindex(columns=COLUMNS).astype({"key": str})
        seconds = [timing.name for timing in TIMINGS]
        rows[seconds] = rows[seconds].apply(pd.to_numeric, errors="coerce").astype("float64")
        return rows.drop_duplicates("key", keep="last").set_index("key")
