"""Files that are damaged, or made to do harm: the readers, and the commands that meet such files, refuse in short."""

from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import pytest
import yaml
from cli import FEW, LONG, accepted
from conftest import STUDIES

from grids.documents import (
    MOST_BYTES,
    MOST_DEPTH,
    MOST_NODES,
    DocumentError,
    first_few,
    in_short,
    parse_json,
    parse_yaml,
    read_parquet,
    read_text,
    shown,
    write_yaml,
)


def bomb(levels, opened="[", closed="]"):
    lines = [f"a0: &a0 {opened}x: 1{closed}"] if opened == "{" else ["a0: &a0 [x, x, x]"]
    for level in range(1, levels):
        times = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{times}]}}" if opened == "{" else f"[{times}]"))
    return "\n".join(lines)


BAD_YAML = {
    "no date": ("a:\n- 2001-99-99", "'2001-99-99' is no timestamp, line 2"),
    "no truth value": ("!!bool maybe", "'maybe' is no bool, line 1"),
    "no number": ("!!int x", "'x' is no int"),
    "many digits": ("9" * 5000, "is no int"),
    "many hexadecimal digits": ("0x" + "f" * 5000, "more than 128 bits"),
    "many sexagesimal digits": ("1:" * 3000 + "1", "more than 128 bits"),
    "many brackets": ("[" * 3000, f"nested deeper than {MOST_DEPTH}"),
    "many lists": ("- " * 100_000, f"nested deeper than {MOST_DEPTH}"),
    "aliases": (bomb(12), f"more than {MOST_NODES:,} values, with all aliases"),
    "merged aliases": (bomb(12, "{", "}"), f"more than {MOST_NODES:,} values, with all aliases"),
    "a chain of aliases": ("\n".join(f"a{k}: &a{k} [{f'*a{k - 1}' * (k > 0)}]" for k in range(200)), "nested deeper"),
    "itself": ("&a [1, *a]", "an alias stands within what it stands for"),
    "itself as a key": ("&a {*a : 1}", "an alias stands within what it stands for"),
    "an object": ("!!python/object/apply:os.system [ls]", "could not determine a constructor"),
    "half a character": ('"\\ud800"', "half a character"),
    "a key twice": ("a: 1\nb: 2\na: 3", "key 'a' is given twice, line 3"),
    "a list as key": ("{[a]: 1}", "a key must be a word"),
    "an unknown alias": (f"*{LONG}", "undefined alias"),
    "an escape sequence": ("\x1b[2J", "a control character"),
}


@pytest.mark.parametrize(("text", "part"), BAD_YAML.values(), ids=BAD_YAML)
def test_bad_yaml_is_refused_at_once_and_in_a_few_words(text, part):
    start = perf_counter()
    with pytest.raises(DocumentError, match=r"^is not YAML: ") as refused:
        parse_yaml(text)
    assert part in str(refused.value)
    assert len(str(refused.value)) < 200
    assert perf_counter() - start < 5


def test_aliases_and_merged_keys_are_read_where_they_stay_small():
    assert parse_yaml("a: &a {x: 1}\nb: [*a, *a]\nc: {<<: *a, y: 2}") == {
        "a": {"x": 1},
        "b": [{"x": 1}, {"x": 1}],
        "c": {"x": 1, "y": 2},
    }


def test_what_is_written_is_read_again():
    document = {"a": [1, 1.5, 1e-3, 1e300, True, None, "1e-3", "no", "é\u2028", "2001-01-01", {"b": []}], "": {}}
    assert parse_yaml(write_yaml(document)) == document


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
        ("[" * (MOST_DEPTH + 2) + "]" * (MOST_DEPTH + 2), "nested deeper"),
        ("9" * 5000, "a whole number is too large"),
        (f"[{10**100}]", "more than 128 bits"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"\\ud800": 1}', "half a character"),
        (f'["{LONG}', "Unterminated string"),
        ("", "Expecting value"),
    ],
)
def test_bad_json_is_refused_in_a_few_words(text, part):
    with pytest.raises(DocumentError, match=r"^is ") as refused:
        parse_json(text)
    assert part in str(refused.value)
    assert len(str(refused.value)) < 120


def test_no_more_is_read_than_is_allowed(tmp_path):
    for kind, most in (("YAML", "2 MB"), ("CSV", "20 MB"), ("JSON", "50 MB")):
        with (tmp_path / "large").open("wb") as file:
            file.truncate(MOST_BYTES[kind] + 1)
        with pytest.raises(DocumentError, match=f"larger than {most}, the most that is read of {kind}"):
            read_text(tmp_path / "large", kind)
    with pytest.raises(DocumentError, match="larger than 2 MB"):
        read_text(Path("/dev/zero"), "YAML")


def test_a_parquet_file_of_endless_rows_is_refused(tmp_path):
    pd.DataFrame({"a": np.zeros(1000)}).to_parquet(tmp_path / "a.parquet")
    assert len(read_parquet(tmp_path / "a.parquet")) == 1000
    with pytest.raises(DocumentError, match=r"has 1,000 rows, more than the 999 that are read"):
        read_parquet(tmp_path / "a.parquet", most_rows=999)
    with pytest.raises(DocumentError, match="has no column b; it has a"):
        read_parquet(tmp_path / "a.parquet", ["b"])
    pd.DataFrame({"a": [[1], [2]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DocumentError, match="holds lists in its column a"):
        read_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    with pytest.raises(DocumentError, match="is no readable Parquet table"):
        read_parquet(tmp_path / "a.parquet")


def test_values_are_shown_in_short():
    assert in_short("x" * 41) == f"'{'x' * 40}'..."
    assert in_short(list(range(100)), 5) == "[0, 1..."
    assert shown("a\n\x1b[31m\tb") == "a ?[31m b"
    assert shown(LONG, 8) == "longlong..."
    assert first_few([str(k) for k in range(30)], 2) == ["0", "1", "and 28 more"]


# ---- the commands --------------------------------------------------------------------------------------------


@pytest.fixture
def study_text():
    return (STUDIES / "microgrid33.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "part"), BAD_YAML.values(), ids=BAD_YAML)
def test_a_study_and_a_sweep_of_bad_yaml_are_refused(refused, tmp_path, text, part):
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    for command in ("show", "sweep"):
        message = refused(command, tmp_path / "bad.yaml")
        assert "bad.yaml: can't be read, it is not YAML" in message
        assert len(message) < 500


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (f"policy: {LONG}", ["policy: ", "at most 60 characters, got 'long"]),
        (f"{LONG[:300]}: 1", ["longlong", "unknown key"]),
        (f"market: {{rule: {LONG}}}", ["market.rule: ", "unknown rule 'long"]),
        (f"grid: {{case: {LONG}}}", ["grid.case", "at most 1000 characters"]),
        (f"days: {LONG}", ["days: ", "got 'long"]),
        (f"days: [{LONG}, {LONG}]", ["days: "]),
        (f"market: {{tariff: {{wear_fast: '{LONG}'}}}}", ["wear_fast", "got 'long"]),
        ("grid: {feeders: 99999999}", ["grid.feeders", "less than or equal to 100", "99999999"]),
    ],
)
def test_what_is_wrong_in_a_study_is_quoted_in_a_few_words(refused, tmp_path, study_text, line, parts):
    key = line.partition(":")[0]
    document = {name: value for name, value in yaml.safe_load(study_text).items() if name != key}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(document) + line)
    message = refused("show", tmp_path / "mine.yaml")
    for part in ("mine.yaml: ", *parts):
        assert part in message
    assert len(message) < 1300
    assert LONG[:1100] not in message


def test_of_a_thousand_faults_the_first_are_told(ended, tmp_path, study_text):
    (tmp_path / "mine.yaml").write_text(study_text + "\n".join(f"x{k}: 1" for k in range(1000)))
    status, _, err = ended("show", tmp_path / "mine.yaml")
    assert status == 2
    assert err.count("\n") == 21
    assert "and 980 more" in err


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zip", ".csv.xz", ".csv.bz2", ".csv.zst", ".tar", ".xlsx", ".txt"])
def test_a_profile_is_never_unpacked(refused, tmp_path, monkeypatch, suffix):
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"day{suffix}").write_bytes(b"x")
    message = refused("bid", "microgrid33", "--set", f"profiles.file=day{suffix}")
    assert "give a file that ends in .csv or .parquet, unpacked" in message


def test_a_profile_too_large_is_refused(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "day.csv").open("wb") as file:
        file.truncate(MOST_BYTES["CSV"] + 1)
    assert "larger than 20 MB" in refused("bid", "microgrid33", "--set", "profiles.file=day.csv")


def test_a_profile_may_be_a_parquet_file(tmp_path, monkeypatch, study33):
    from importlib.resources import files

    monkeypatch.chdir(tmp_path)
    day = pd.read_csv(files("sim").joinpath("data", study33.profiles.file).open("rb"))
    day.to_parquet("day.parquet", index=False)
    own = accepted("bid", "microgrid33", *FEW, "--csv", "--set", "profiles.file=day.parquet")
    assert own == accepted("bid", "microgrid33", *FEW, "--csv")
