"""Series from tables: long and wide, in order and out of it, with gaps, and what is refused."""

import io
from pathlib import Path

import numpy as np
import pytest

from keepgate.data.corpora.series import SeriesCorpus, read_series
from keepgate.data.frequency import Frequency
from keepgate.data.series import filled, make_series
from keepgate.errors import CorpusError

HOURS = [f"2024-01-01 {hour:02}:00" for hour in range(24)]


def table(*rows: str) -> str:
    return "\n".join(rows) + "\n"


@pytest.fixture
def read(tmp_path: Path):
    def read(content: str | bytes, **columns: str) -> SeriesCorpus:
        path = tmp_path / "data.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_series(path, **columns)

    return read


def test_a_wide_table_has_a_series_in_each_column_of_numbers(read) -> None:
    corpus = read(table("date,a,note,b", *(f"{time},{k},x,{-k}" for k, time in enumerate(HOURS))))
    (item,) = corpus.items
    assert item.columns.targets == ("a", "b")
    assert item.targets.tolist() == [[k, -k] for k in range(24)]
    assert (str(item.frequency), item.frequency.season) == ("1 hour", 24)
    assert item.times(np.array([0, 23, 24])) == [HOURS[0], HOURS[-1], "2024-01-02 00:00"]
    assert "1 series of 24 steps (csv), a step every 1 hour" in corpus.account()
    assert "Not read: note" in corpus.account()


def test_a_long_table_has_a_series_for_each_name(read) -> None:
    rows = [
        f"2024-01-{day:02},{store},{day * size},{day}"
        for day in range(1, 11)
        for store, size in (("N", 1), ("S", 10))
    ]
    corpus = read(table("date,store,sold,price", *rows), target="sold", known="price")
    assert [item.id for item in corpus.items] == ["N", "S"]
    assert corpus.items[1].targets[:, 0].tolist() == [10.0 * day for day in range(1, 11)]
    assert corpus.items[0].known[:, 0].tolist() == list(range(1, 11))
    assert corpus.items[0].frequency == Frequency("second", 86_400)


def test_json_lines_and_parquet_are_read_alike(read) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    lines = read(table(*(f'{{"time": "{time}", "y": {k}}}' for k, time in enumerate(HOURS))))
    file = io.BytesIO()
    times = np.array(HOURS, dtype="datetime64[s]")
    parquet.write_table(arrow.table({"time": times, "y": np.arange(24.0)}), file)
    packed = read(file.getvalue())
    assert (lines.format, packed.format) == ("json lines", "parquet")
    assert np.array_equal(lines.items[0].targets, packed.items[0].targets)
    assert lines.items[0].times(np.arange(3)) == packed.items[0].times(np.arange(3))
    with pytest.raises(CorpusError, match="this Parquet file cannot be read"):
        read(file.getvalue()[:40])


def test_rows_out_of_order_are_sorted_and_repeated_ones_count_once_and_both_are_told(read) -> None:
    rows = [f"{time},{k}" for k, time in enumerate(HOURS)]
    corpus = read(table("date,y", *rows[12:], *rows[:12], rows[3]))
    assert corpus.items[0].targets[:, 0].tolist() == list(range(24))
    assert "they were sorted" in corpus.account()
    assert "1 row repeated, all alike" in corpus.account()


def test_a_time_that_repeats_with_another_value_is_refused_with_both_lines(read) -> None:
    rows = [f"{time},{k}" for k, time in enumerate(HOURS)]
    with pytest.raises(
        CorpusError, match=r"line 26: the time 2024-01-01 03:00:00 stands there again.* line 5;"
    ):
        read(table("date,y", *rows, "2024-01-01 03:00,99"))


def test_a_missing_row_and_an_empty_cell_are_gaps(read) -> None:
    rows = [f"{time},{'' if k == 5 else k}" for k, time in enumerate(HOURS) if k != 10]
    corpus = read(table("date,y", *rows, "2024-01-02 00:00,NaN"))
    assert np.flatnonzero(np.isnan(corpus.items[0].targets[:, 0])).tolist() == [5, 10]
    assert len(corpus.items[0]) == 24
    assert "1 step without a row" in corpus.account()
    assert "1 empty cell of y: gaps." in corpus.account(), "the one after the last value is none"
    assert filled(corpus.items[0].targets)[[4, 5, 6, 10], 0].tolist() == [4, 4, 6, 9]


def test_a_covariate_that_is_missing_is_the_one_before_it_and_that_is_told(read) -> None:
    rows = [
        f"{time},{k if k < 22 else ''},{'' if k in (3, 23) else k},{'' if k == 4 else k}"
        for k, time in enumerate(HOURS)
    ]
    corpus = read(table("date,y,known,past", *rows), target="y", known="known", past="past")
    assert np.flatnonzero(np.isnan(corpus.items[0].known[:, 0])).tolist() == [3, 23]
    assert "3 empty cells of past, known: the value before each is read in its place." in corpus.account()


@pytest.mark.parametrize("as_parquet", [False, True])
def test_a_nameless_column_that_numbers_the_rows_is_no_series(read, as_parquet: bool) -> None:
    content: str | bytes = table(",date,y,z", *(f"{k + 5},{time},{k},{-k}" for k, time in enumerate(HOURS)))
    if as_parquet:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = {"date": HOURS, "y": range(24), "z": np.zeros(24), "__index_level_0__": range(24)}
        file = io.BytesIO()
        parquet.write_table(arrow.table({name: arrow.array(cells) for name, cells in columns.items()}), file)
        content = file.getvalue()
    corpus = read(content, target="y,z")
    assert corpus.items[0].columns.targets == (*read(content).items[0].columns.targets, "z")
    assert "Not read: a column of whole numbers without a name, which numbers the rows." in corpus.account()
    wide = read(table(",a,b", *(f"{day},{k},1" for k, day in enumerate(DAYS))))
    assert (wide.items[0].columns.time, wide.items[0].columns.targets) == ("", ("a", "b")), (
        "times need no name"
    )


def local_hours(first: str, steps: int, zone: str = "Europe/Berlin") -> list[str]:
    from datetime import datetime, timedelta
    from zoneinfo import ZoneInfo

    start = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo("UTC"))
    return [(start + timedelta(hours=k)).astimezone(ZoneInfo(zone)).isoformat(" ") for k in range(steps)]


ZONES = [
    # A night in which clocks are put back and one in which they are put on, north and south; at half past the hour.
    pytest.param("Europe/Berlin", "2024-10-26", "2024-03-30", id="Berlin"),
    pytest.param("Australia/Adelaide", "2024-04-06", "2024-10-05", id="Adelaide, +9:30"),
    pytest.param("America/St_Johns", "2024-11-02", "2024-03-09", id="St John's, -3:30"),
]


@pytest.mark.parametrize(("zone", "back", "on"), ZONES)
def test_offsets_keep_the_hours_apart_and_that_the_wall_drifts_is_told(
    read, zone: str, back: str, on: str
) -> None:
    for night in (back, on):
        zoned = local_hours(f"{night} 00:00", 48, zone)
        corpus = read(table("time,y", *(f"{time},{k}" for k, time in enumerate(zoned))))
        assert corpus.items[0].targets[:, 0].tolist() == list(range(48))
        assert str(corpus.items[0].frequency) == "1 hour"
        (note,) = corpus.notes
        assert "the clocks of a series change by 1 hour" in note
        assert "give the hour that it shows as --known" in note
    july = local_hours("2024-07-01 00:00", 48, zone)
    assert not read(table("time,y", *(f"{time},{k}" for k, time in enumerate(july)))).notes


@pytest.mark.parametrize(("zone", "back", "on"), ZONES)
def test_without_offsets_the_hour_twice_is_a_mean_and_the_hour_left_out_a_gap(
    read, zone: str, back: str, on: str
) -> None:
    def wall(night: str) -> SeriesCorpus:
        times = local_hours(f"{night} 00:00", 48, zone)
        return read(table("time,y", *(f"{time[:19]},{k}" for k, time in enumerate(times))))

    autumn, spring = wall(back), wall(on)
    assert "1 time repeated in the night when clocks are put back" in autumn.account()
    assert "without a row" not in autumn.account()
    means = autumn.items[0].targets[:, 0]
    assert len(means) == 47
    (twice,) = np.flatnonzero(means % 1)
    assert means[twice] == twice + 0.5, "the mean of its two hours"
    assert "1 step without a row" in spring.account()
    assert "put back" not in spring.account()
    hours = spring.items[0].targets[:, 0]
    assert (len(hours), int(np.isnan(hours).sum())) == (49, 1)


def test_clocks_that_change_by_half_an_hour_need_their_offsets(read) -> None:
    times = local_hours("2024-04-06 00:00", 48, "Australia/Lord_Howe")
    corpus = read(table("time,y", *(f"{time},{k}" for k, time in enumerate(times))))
    assert corpus.items[0].targets[:, 0].tolist() == list(range(48))
    assert "change by 30 minutes" in corpus.account()


def test_days_with_offsets_are_days_though_one_has_23_hours(read) -> None:
    days = [f"2024-03-{day}T00:00:00+0{1 if day < 31 else 2}:00" for day in range(20, 32)]
    days += [f"2024-04-0{day}T00:00:00+02:00" for day in range(1, 6)]
    corpus = read(table("time,y", *(f"{time},{k}" for k, time in enumerate(days))))
    assert (len(corpus.items[0]), str(corpus.items[0].frequency)) == (17, "1 day")


@pytest.mark.parametrize(
    ("times", "frequency", "season", "then"),
    [
        ([f"2021-{month:02}" for month in range(1, 13)], "1 month", 12, "2022-01-01"),
        ([f"2021-{month:02}-{day}" for month, day in ((1, 31), (2, 28), (3, 31), (4, 30))],
         "1 month", 12, "2021-05-31"),
        ([f"{year}Q{quarter}" for year in (2020, 2021) for quarter in (1, 2, 3, 4)], "3 months", 4, "2022-01-01"),
        (["2020", "2021", "2022", "2023"], "1 year", 1, "2024-01-01"),
        (["2024/01/01", "2024/01/08", "2024/01/15"], "1 week", 52, "2024-01-22"),
        (["31.01.2024", "01.02.2024", "02.02.2024"], "1 day", 7, "2024-02-03"),
        (["1704067200", "1704068100", "1704069000"], "15 minutes", 96, "2024-01-01 00:45"),
        ([f"{1704067200 + 900 * k}{'0' * 9}" for k in range(3)], "15 minutes", 96, "2024-01-01 00:45"),
        ([f"{1704067200 + 900 * k}{'0' * 6}" for k in range(3)], "15 minutes", 96, "2024-01-01 00:45"),
        ([f"{1704067200 + 900 * k}123" for k in range(3)], "15 minutes", 96, "2024-01-01 00:45"),
        (["3021-01-01", "3021-01-02", "3021-01-03"], "1 day", 7, "3021-01-04"),
        (
            [f"2024-01-{day:02}" for day in range(1, 20) if day % 7 not in (6, 0)],
            "1 business day", 5, "2024-01-22",
        ),
    ],
)  # fmt: skip
def test_the_frequency_is_found_from_the_times(
    times: list[str], frequency: str, season: int, then: str, read
) -> None:
    (item,) = read(table("date,y", *(f"{time},{k}" for k, time in enumerate(times)))).items
    assert (str(item.frequency), item.frequency.season) == (frequency, season)
    assert len(item) == len(times)
    assert item.time(len(times)) == then


def test_rows_without_times_are_taken_in_order_and_that_is_told(read) -> None:
    corpus = read(table("y", *map(str, range(5))))
    assert corpus.items[0].targets[:, 0].tolist() == list(range(5))
    assert "in order, without times" in corpus.account()


def test_a_long_table_without_times_has_a_series_for_each_name_of_a_usual_column(read) -> None:
    rows = [f"{name},{k * size}" for name, size in (("N", 1), ("S", 10)) for k in range(6)]
    corpus = read(table("series,y", *rows))
    assert [(item.id, item.targets[:, 0].tolist()) for item in corpus.items] == [
        ("N", [0, 1, 2, 3, 4, 5]), ("S", [0, 10, 20, 30, 40, 50])
    ]  # fmt: skip
    assert "2 series of 12 steps (csv), in order, without times" in corpus.account()
    mixed = read(table("name,y", *(f"{name},{k}" for k in range(6) for name in "NS")), series_column="name")
    assert [item.targets[:, 0].tolist() for item in mixed.items] == [[*range(6)]] * 2
    # Texts that come and go, and names that are all different, are of no series.
    weather = read(table("weather,id,y", *(f"{'rs'[k % 2]},{k},{k}" for k in range(6))), target="y")
    assert [len(item) for item in weather.items] == [6]


def test_a_column_with_an_empty_cell_names_no_series(read) -> None:
    note = read(table("y,note", "1,remark", *(f"{k}," for k in range(8))))
    dated = read(table("date,y,note", *(f"{day},{day[-1]},{note}" for day in DAYS for note in ("a", ""))))
    assert [len(item) for item in note.items] == [9]
    assert [len(item) for item in dated.items] == [10]


TWO_SERIES = table("date,shop,kind,sold", *(
    f"2024-01-{day:02},{shop},{shop}{kind},{day}" for day in range(1, 9) for shop, kind in (("N", "x"), ("S", "y"))
))  # fmt: skip
DAYS = [f"2024-01-{day:02}" for day in range(1, 11)]


@pytest.mark.parametrize(
    ("content", "columns", "says"),
    [
        ("", {}, "is empty"),
        (" \n \n", {}, "is empty"),
        ("date,y\n", {}, "there is no row in it"),
        ("date,y,y\n2024-01-01,1,2\n", {}, "names 'y' 2 times"),
        ("date,y\n2024-01-01,1,2\n", {}, "there are 3 columns where the first line has 2"),
        ("date,y\n2024-01-01,1\n", {}, "no series has two times"),
        (table("date,load", "2024-01-01,1", "2024-01-02,2"), {"target": "lod"}, "'lod'; its columns are 'load'"),
        (table("date,y", "2024-01-01,1", "2024-01-02,two"), {"target": "y"}, "line 3: 'y' is 'two', which is no"),
        (table("date;y", "2024-01-01;1,5", "2024-01-02;2,5"), {"target": "y"}, "write a point before decimals"),
        (table("date,y", "2024-01-01,1", "2024-01-02,inf"), {}, "line 3: 'y' is infinite"),
        (table("date,y", "2024-01-01,1", ",2"), {}, "line 3: 'date' is empty; every row has its time"),
        (table("date,y", "2024-01-01,1", "2024-13-01,2"), {}, "line 3: 'date' is '2024-13-01', which is no time"),
        (table("date,y", *(f"{day},1" for day in DAYS), "31/31/2024,1"), {}, "'31/31/2024', which is no time"),
        (table("date;y", "2024-01-01;1,5", "2024-01-02;2,5"), {}, "'y' begins with '1,5': write a point before"),
        (table("date,y", "01/02/2024,1", "02/02/2024,2"), {}, "whether day or month comes first"),
        (table("date,y", *(f"2024-01-0{day},1" for day in (1, 2, 4, 9))), {}, "the times are irregular"),
        (table("date,y", *(f"{time},1" for time in HOURS), "2024-01-01 05:17,1"), {}, "05:17:00 is not a whole number"),
        (table("date,y", *(f"{day},1" for day in DAYS), "2031-01-01,1"), {}, "there is nothing. Cut the series"),
        (table("date,name", "2024-01-01,a", "2024-01-02,b"), {}, "no column of numbers is left"),
        (table("date,y", "2024-01-01,", "2024-01-02,"), {"target": "y"}, "there is no series"),
        (table("from,to,y", *(f"{day},{day},1" for day in DAYS)), {}, "both hold times"),
        (TWO_SERIES, {}, "'shop' or 'kind' may tell its series apart; say with --series-column"),
        (table("unique_id,y", *(f"{name},{k}" for k in range(4) for name in "NS")), {},
         "there are no times, and 'unique_id' may tell its series apart; say with --series-column"),
        (table("shop,y", *(f"{name},{k}" for name in "NS" for k in range(4))), {}, "'shop' may tell its series apart"),
        (TWO_SERIES, {"series_column": "shop", "target": "sold", "static": "sold"}, "is named for two parts"),
        (table("date,shop,a,b", *(f"{day},{shop},1,2" for day in DAYS for shop in "NS")), {}, "say with --target"),
        (table("date,shop,a,b", *(f"{day},{shop},1,{day[-1]}" for day in DAYS for shop in "NS")),
         {"target": "a", "static": "b"}, "'b' changes within the series 'N'"),
        (table("date,shop,a,b", *(f"{day},{shop},1,{'3' * (shop == 'S')}" for day in DAYS for shop in "NS")),
         {"target": "a", "static": "b"}, "line 2: 'b' is empty, and a number in other rows; write one, or leave"),
        (table("date,y", "2024-01-01,1", "2024-01-02T00:00+01:00,2"), {}, "line 2: 'date' has no offset"),
        (table("time,y", *(f"2024-01-01 00:00:0{k / 2},{k}" for k in range(9))), {},
         "line 3: 'time' is 2024-01-01 00:00:00.500000, in the second of another row; times are counted in whole"),
        (table("time,y", *(f"{1704067200000 + 100 * k},{k}" for k in range(9))), {}, "in the second of another row"),
        (table("time,y", "9" * 20 + ",1", "9" * 19 + "8,1"), {}, "which is no time"),
        (b"date,y\n2024-01-01,\xff\n", {}, "is not UTF-8"),
        (b"\x1f\x8b", {}, "is packed"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_or_may_be_meant_otherwise_is_refused(
    content: str | bytes, columns: dict[str, str], says: str, read
) -> None:
    with pytest.raises(CorpusError) as error:
        read(content, **columns)
    assert says in str(error.value)


def test_of_two_columns_of_times_the_one_of_the_usual_name_counts(read) -> None:
    corpus = read(table("day,date,y", *(f"{day},{day},1" for day in DAYS)))
    assert corpus.items[0].columns.time == "date"


def test_files_of_other_columns_or_steps_do_not_go_together(tmp_path: Path) -> None:
    contents = [
        table("date,y", *(f"{day},1" for day in DAYS)), table("date,z", *(f"{day},1" for day in DAYS)),
        table("date,y", *(f"{time},1" for time in HOURS)),
    ]  # fmt: skip
    paths = [tmp_path / f"{k}.csv" for k in range(3)]
    for path, content in zip(paths, contents, strict=True):
        path.write_text(content)
    with pytest.raises(CorpusError, match="its columns are others"):
        read_series(paths[:2])
    with pytest.raises(CorpusError, match="steps of 1 day and of 1 hour"):
        read_series([paths[0], paths[2]])
    assert [item.id for item in read_series([paths[0], paths[0]]).items] == ["0", "0"]


def test_series_are_made_from_arrays_and_their_shapes_checked() -> None:
    item = make_series(
        [1.0, 2.0, np.nan], known=np.zeros((5, 1)), start="2024-01-01", frequency=Frequency("second", 3600)
    )
    assert (item.time(3), item.known.shape, len(item)) == ("2024-01-01 03:00", (5, 1), 3)
    for wrong, says in (
        ({"targets": []}, "has no value"),
        ({"targets": [1.0], "past": [1.0, 2.0]}, "past covariates have 2 steps"),
        ({"targets": [1.0, 2.0], "known": [1.0]}, "known covariates have 1 steps"),
        ({"targets": [[1.0, 2.0]], "names": ["a"]}, "1 names for 2 targets"),
        ({"targets": [np.inf]}, "step 0, column 0: the value is infinite"),
        ({"targets": [1.0], "start": "2024-01-01"}, "start and frequency belong together"),
        ({"targets": np.zeros((1, 1, 1))}, "give \\[steps\\]"),
    ):
        with pytest.raises(CorpusError, match=says):
            make_series(**wrong)
