"""The ledger by hand: rows as they were added, in order, with the types of what was added."""

import numpy as np
import pandas as pd
import pytest

from sim.ledger import TABLES, Ledger, read_tables, write_tables


def test_rows_stand_in_the_order_in_which_they_were_added():
    ledger = Ledger()
    ledger.append("bids", hour=1, bid_mw=np.array([0.5, 1.5]), status="exact", note=["a", "b"])
    ledger.append("bids", hour=2, bid_mw=np.array([2.5]), status="none", note=["c"])
    frame = ledger.frame("bids")
    assert frame.to_dict("list") == {
        "hour": [1, 1, 2],
        "bid_mw": [0.5, 1.5, 2.5],
        "status": ["exact", "exact", "none"],
        "note": ["a", "b", "c"],
    }
    assert frame["bid_mw"].dtype == np.float64
    assert frame["hour"].dtype == np.int64


def test_scalars_alone_are_one_row():
    ledger = Ledger()
    ledger.append("bids", hour=3, accepted=True, reason="refused")
    assert ledger.frame("bids")["hour"].tolist() == [3]
    assert ledger.frame("bids")["accepted"].dtype == np.bool_


def test_what_is_added_is_a_copy():
    ledger, bid = Ledger(), np.array([1.0, 2.0])
    ledger.append("bids", bid_mw=bid)
    bid[:] = 9.0
    assert ledger.frame("bids")["bid_mw"].tolist() == [1.0, 2.0]


def test_empty_arrays_name_the_columns_and_add_nothing():
    ledger = Ledger()
    ledger.append("cars", hour=1, car=np.zeros(0, dtype=np.int64), e_mwh=np.zeros(0))
    assert list(ledger.frame("cars").columns) == ["hour", "car", "e_mwh"]
    assert len(ledger.frame("cars")) == 0
    ledger.append("cars", hour=2, car=np.array([7]), e_mwh=np.array([0.03]))
    assert ledger.frame("cars").to_dict("list") == {"hour": [2], "car": [7], "e_mwh": [0.03]}
    assert ledger.frame("cars")["car"].dtype == np.int64


def test_numbers_of_two_kinds_and_texts_find_their_type():
    ledger = Ledger()
    ledger.append("units", unit=np.array(["load_2", "pv_7"]), bus=np.array([2, 7]), max_s_mva=[None, 0.24])
    ledger.append("units", unit=np.array(["pv_9"]), bus=np.array([9.5]), max_s_mva=[0.36])
    frame = ledger.frame("units")
    assert frame["unit"].tolist() == ["load_2", "pv_7", "pv_9"]
    assert frame["bus"].tolist() == [2, 7, 9.5]
    assert frame["max_s_mva"].isna().tolist() == [True, False, False]
    assert frame["max_s_mva"].dtype == np.float64


def test_numbers_keep_the_type_of_their_arrays():
    ledger = Ledger()
    for hour in (1, 2):
        ledger.append("buses", hour=np.array([hour], dtype=np.int16), vm_pu=np.array([1.0], dtype=np.float32))
    assert ledger.frame("buses").dtypes.tolist() == [np.int16, np.float32]


def test_there_are_all_tables_and_no_other(tmp_path):
    ledger = Ledger()
    with pytest.raises(KeyError):
        ledger.append("bid", hour=1)
    assert list(ledger.frames()) == list(TABLES)
    assert ledger.frame("bids").empty
    for name in TABLES:
        ledger.append(name, hour=np.array([1, 2]), what=["x", "y"])
    frames = ledger.frames()
    write_tables(frames, tmp_path)
    again = read_tables(tmp_path)
    assert list(again) == list(TABLES)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(again[name], frame, check_dtype=False)
    assert b"pandas" not in (tmp_path / "bids.parquet").read_bytes()
    with pytest.raises(FileNotFoundError):
        read_tables(tmp_path / "nowhere")
