"""The profile of a file as one page: what it says, that nothing in a file's content gets out of it, how it looks."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.config import Settings
from engine.ingest import main
from engine.model import (
    ColumnProfile,
    ColumnReceipt,
    ColumnReport,
    ErrorReport,
    FileReport,
    FileStatus,
    Histogram,
    Kind,
    QualityCheck,
    Receipt,
    RunReport,
)
from engine.profile import FileView, file_html, line, parts, run_html, write_html
from engine.profile.pictures import histogram
from engine.profile.text import percent, rounded, value, visible
from tests.catalog_reports import PRICE, STARTED, new_id, report, text_column
from tests.fix_browser import Screen, faint_texts, holes, is_too_wide

SIZES = {"desktop": (1440, 900), "laptop": (1280, 720), "phone": (390, 844)}
# What must stay text wherever it stands: markup, the end of every element it may be in, quotes, controls, direction.
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)></style></title></textarea>\"'` onmouseover=alert(3) "
    "{{ 7 * 7 }}${7*7}\x00\x1b[31m\x9b2J\u202egnp.exe\u2066\ufeff\u2028&lt;b&gt;\udce9"
)


def numbers(name: str = "amount") -> ColumnReport:
    profile = ColumnProfile(
        column=name,
        kind=Kind.INTEGER,
        rows=1_000_000,
        nulls=1_234,
        empties=0,
        distinct=40_000,
        distinct_error=0.008,
        minimum=-5,
        maximum=12_345_678,
        total=9_876_543_210,
        mean=9_876.54321,
        stddev=12.5,
        min_chars=1,
        max_chars=8,
        quantiles=((0.01, 0), (0.05, 1), (0.25, 10), (0.5, 50), (0.75, 1_000), (0.95, 100_000), (0.99, 9_000_000)),
        quantiles_error=0.013,
        top_values=(("50", 70_000), ("10", 20_000)),
        top_error=0.013,
        histogram=Histogram(
            edges=tuple(-5 + at * 617_284.15 for at in range(21)), counts=(900_000, *range(19)), exact=False
        ),
        samples=("50", "10"),
    )
    return ColumnReport(name=name, original=name.title(), mysql_type="INT", profile=profile)


def days() -> ColumnReport:
    profile = dataclasses.replace(
        PRICE,
        column="day",
        kind=Kind.DATE,
        minimum=date(2024, 2, 28),
        maximum=date(2024, 3, 1),
        total=None,
        mean=None,
        stddev=None,
        quantiles=((0.5, date(2024, 2, 29)),),
        top_values=(("2024-02-29", 3),),
        # One bin for each day: 19,781 days after 1970-01-01 is 2024-02-28.
        histogram=Histogram(edges=(19_781, 19_782, 19_783, 19_784), counts=(1, 3, 2), exact=True),
        samples=("2024-02-29",),
    )
    return ColumnReport(name="day", original="day", mysql_type="DATE", profile=profile)


def whole() -> FileReport:
    made = report(
        new_id(),
        path=Path("/data/input/sales_2024_01.csv"),
        rows_read=1_000_000,
        rows_rejected=250,
        size_bytes=62_079_912,
        seconds=12.5,
        columns=(numbers(), days(), text_column("region", rows=1_000_000, nulls=2_000)),
    )
    steps = {"dialect": 0.1, "scan": 2.0, "prove": 3.0, "stats": 4.0, "load": 9.0, "publish": 0.4, "catalog": 0.2}
    return dataclasses.replace(made, seconds_by_step=steps, rejects_by_class={"parse": 50, "type": 200})


def run_of(*files: FileReport) -> RunReport:
    return RunReport(run_id="run-1", started_at=STARTED, wall_seconds=3.0, files=files)


def failed(**changes: object) -> FileReport:
    error = ErrorReport(
        code="dialect.html", message="page.csv is an HTML page, not CSV; download it again", retryable=False
    )
    made = report(new_id(), status=FileStatus.FAILED, error=error, receipt=None, columns=(), checks=(), rows_read=0)
    nothing = {"rows_rejected": 0, "rejects_by_class": {}, "rejects_path": None, "sha256": None, "batches": 0}
    return dataclasses.replace(made, **{**nothing, **changes})  # type: ignore[arg-type]  # fields of a report


def hostile() -> FileReport:
    profile = dataclasses.replace(
        text_column("x", rows=4).profile or PRICE,
        minimum=HOSTILE,
        maximum=HOSTILE * 9,
        top_values=((HOSTILE, 3), ("", 1)),
        samples=(HOSTILE, ""),
    )
    column = ColumnReport(name=HOSTILE, original=HOSTILE[::-1], mysql_type=HOSTILE, profile=profile, within=HOSTILE)
    return dataclasses.replace(
        report(
            new_id(),
            path=Path("/in") / HOSTILE.replace("/", "|").replace("\x00", ""),
            table=HOSTILE,
            status=FileStatus.HELD,
            columns=(column,),
            checks=(QualityCheck(name=HOSTILE, column=HOSTILE, value=HOSTILE, unit="text", message=HOSTILE),),
            error=ErrorReport(code=HOSTILE, message=HOSTILE, retryable=True),
            sha256=HOSTILE,
        ),
        feed=HOSTILE,
        run_id=HOSTILE,
        notes=(HOSTILE,),
        rejects_by_class={HOSTILE: 1},
        seconds_by_step={HOSTILE: 1.0},
        receipt=Receipt(
            verified=False,
            rows_engine=1,
            rows_mysql=2,
            columns=(ColumnReceipt(column=HOSTILE, engine={HOSTILE: HOSTILE}, mysql={HOSTILE: None}, equal=False),),
            note=HOSTILE,
        ),
    )


def text_of(page: str) -> str:
    """What a page says, without its markup and with single spaces."""
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<title>.*?</title>|<[^>]+>", " ", body)).split())


def test_a_page_says_everything_about_a_file() -> None:
    said = text_of(file_html(whole()))

    for part in (
        "sales_2024_01.csv loaded",
        "into sales_data by append, feed sales · began 2026-03-01 12:30:00 UTC",
        "Rows read 1,000,000",
        "Loaded 999,750",
        "Rejected 250 0.025%",
        "loaded 999,750 rejected 250",
        "Size 62.1 MB Duration 12.5 s Throughput 4.97 MB/s",
        "scan 2.00 s",
        "Steps run beside each other: their work adds up to more than the 12.5 s that passed.",
        "read as CP1252",
        "ab" * 32,
        "/data/archive",
        "Minimum -5 Maximum 12,345,678 Mean 9,876.54 Std. deviation 12.5 Sum 9,876,543,210",
        "Distinct ≈ 40,000 ± 0.8%",
        "1 % quantile 0 5 % quantile 1 25 % quantile 10 Median 50 75 % quantile 1000",
        "Distribution (from a sample)",
        "2024-02-28 2024-03-01",
        "completeness price 75% failed below 0.9",
        "price engine 1.40 ✓ MySQL 1.40",
        "parse 50 type 200",
        "kept in /data/rejects/sales_1.csv",
    ):
        assert part in said, part


def test_a_page_shows_a_histogram_with_its_bins_named() -> None:
    page = file_html(whole())

    assert "<title>2024-02-29: 3</title>" in page
    assert "<title>-5 to 617,279: 900,000</title>" in page


@pytest.mark.parametrize("state", list(FileStatus))
def test_a_file_without_a_profile_has_a_page(state: FileStatus) -> None:
    said = text_of(file_html(failed(status=state)))

    assert "dialect.html page.csv is an HTML page, not CSV; download it again" in said
    assert "The file's columns aren't known" in said
    assert "Nothing was measured." in said
    assert "There is no receipt" in said


def test_a_page_is_whole_by_itself() -> None:
    page = file_html(whole())

    assert "<script" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#|data:,)""", page)
    assert "url(" not in page
    assert "style=" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in policy[1]
    assert "unsafe" not in policy[1]


def test_content_stays_text(open_screen: Callable[..., Screen], tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    write_html(run_of(hostile()), path)
    screen = open_screen()

    screen.page.goto(path.as_uri())

    screen.keep("hostile", full=True)
    assert screen.page.locator("script, img, b[onmouseover], [onerror], [onmouseover], textarea").count() == 0
    assert screen.page.locator("main").count() == 1
    assert screen.page.locator("h1").inner_text().startswith("<script>alert(1)<|script><img src=x onerror=alert(2)>")
    shown = screen.page.evaluate("document.body.textContent")
    assert "{{ 7 * 7 }}${7*7}" in shown
    assert not set(shown) & set("\x00\x1b\x9b\u202e\u2066\ufeff\u2028")
    assert "␛[31m\\u009b2J\\u202egnp.exe\\u2066\\ufeff\\u2028&lt;b&gt;\\xe9" in shown
    assert screen.complaints == []
    assert screen.asked == [path.as_uri()]


def test_2000_columns_fit_on_a_page(open_screen: Callable[..., Screen], tmp_path: Path) -> None:
    columns = tuple(numbers(f"column_{at}_{'x' * 40}") for at in range(2_000))
    checks = tuple(QualityCheck(name="completeness", column=column.name, value=0.5, unit="ratio") for column in columns)
    path = tmp_path / "wide.html"
    write_html(run_of(dataclasses.replace(whole(), columns=columns, checks=checks)), path)
    screen = open_screen()

    screen.page.goto(path.as_uri())

    assert path.stat().st_size < 12_000_000
    assert screen.page.locator("#columns tbody tr").count() == 2_000
    assert screen.page.locator("#columns tbody tr").nth(99).is_visible()
    assert not screen.page.locator("#columns tbody tr").nth(100).is_visible()
    assert screen.page.locator("#details svg.plot").count() == 2_000
    assert "2,000 measurements of single columns" in screen.page.locator("#checks").inner_text()
    assert not is_too_wide(screen.page)
    screen.keep("2000-columns")
    assert screen.complaints == []


def test_more_columns_than_a_page_holds_are_counted() -> None:
    columns = tuple(text_column(f"c{at}") for at in range(2_345))

    said = text_of(file_html(dataclasses.replace(whole(), columns=columns)))

    assert "345 more columns have no place here" in said


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_looks_right(open_screen: Callable[..., Screen], tmp_path: Path, theme: str, size: str) -> None:
    path = tmp_path / "file.html"
    write_html(run_of(whole()), path)
    width, height = SIZES[size]
    screen = open_screen(theme=theme, width=width, height=height)

    screen.page.goto(path.as_uri())

    screen.keep(f"file-{theme}-{size}", full=True)
    assert not is_too_wide(screen.page)
    assert holes(screen.page) == []
    assert faint_texts(screen.page) == []
    assert screen.complaints == []


def test_a_reader_chooses_the_theme(open_screen: Callable[..., Screen], tmp_path: Path) -> None:
    path = tmp_path / "file.html"
    write_html(run_of(whole()), path)
    screen = open_screen(theme="light")
    screen.page.goto(path.as_uri())
    background = "getComputedStyle(document.body).backgroundColor"
    light = screen.page.evaluate(background)

    screen.page.get_by_text("Dark", exact=True).click()
    dark = screen.page.evaluate(background)

    assert light != dark
    assert faint_texts(screen.page) == []


def test_a_column_of_the_list_leads_to_its_statistics(open_screen: Callable[..., Screen], tmp_path: Path) -> None:
    path = tmp_path / "wide.html"
    columns = tuple(text_column(f"column_{at}") for at in range(150))
    write_html(run_of(dataclasses.replace(whole(), columns=columns)), path)
    screen = open_screen()
    screen.page.goto(path.as_uri())
    card = screen.page.locator("#c7")
    assert not card.is_visible()

    screen.page.get_by_role("link", name="column_6", exact=True).click()

    card.wait_for(state="visible")


def test_a_run_of_several_files_has_an_overview_and_each_profile(
    open_screen: Callable[..., Screen], tmp_path: Path
) -> None:
    path = tmp_path / "run.html"
    write_html(run_of(whole(), failed(), hostile()), path)
    screen = open_screen()

    screen.page.goto(path.as_uri())

    assert screen.page.locator("h1").first.inner_text() == "3 files, 999,750 rows loaded"
    assert screen.page.locator("main > section > details").count() == 3
    anchors = screen.page.locator("[id]").evaluate_all("found => found.map((element) => element.id)")
    assert len(anchors) == len(set(anchors))
    screen.keep("run", full=True)
    assert not is_too_wide(screen.page)
    assert faint_texts(screen.page) == []
    assert screen.complaints == []


def test_a_folder_gets_a_page_for_each_file(open_screen: Callable[..., Screen], tmp_path: Path) -> None:
    write_html(run_of(whole(), hostile()), tmp_path)
    screen = open_screen()

    assert sorted(path.name[:24] for path in tmp_path.glob("*.html")) == [
        "0001-sales_2024_01.csv.h",
        "0002-_script_alert_1_scr",
        "index.html",
    ]
    screen.page.goto((tmp_path / "index.html").as_uri())
    screen.page.get_by_role("link", name="sales_2024_01.csv").click()
    assert screen.page.locator("h1").inner_text() == "sales_2024_01.csv"
    screen.page.get_by_role("link", name="all files of the run").click()
    assert screen.page.locator("h1").inner_text().startswith("2 files")
    assert screen.complaints == []


def test_an_empty_run_has_a_page() -> None:
    assert "No file was waiting." in text_of(run_html(run_of()))


def test_files_share_the_room_for_columns() -> None:
    wide = dataclasses.replace(whole(), columns=tuple(text_column(f"c{at}") for at in range(1_500)))

    said = text_of(run_html(run_of(wide, wide)))

    assert "1,000 more columns have no place here" in said


def test_the_command_writes_the_profile(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _environment(settings, monkeypatch)
    source = tmp_path / "stock.csv"
    source.write_text("id,day,amount,kind\n1,2024-01-01,1.50,a\n2,2024-01-02,2.50,a\n3,2024-01-04,,b\n")
    page = tmp_path / "profile.html"

    status = main(["-q", "--html", str(page), str(source)])

    said = text_of(page.read_text(encoding="utf-8"))
    assert status == 0
    assert "stock.csv loaded into stock by append" in said
    assert "Rows read 3 Loaded 3 Rejected 0 Columns 4" in said
    assert "3 rows in, proved by MySQL" in said
    assert "amount DECIMAL" in said
    assert "66.7% 1" in said
    assert "Receipt equal" in said


def test_the_command_writes_the_profile_of_a_file_that_fails(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _environment(settings, monkeypatch)
    source = tmp_path / "page.csv"
    source.write_text("<!doctype html><html><body>Log in</body></html>\n")
    folder = tmp_path / "pages"
    folder.mkdir()

    status = main(["-q", "--html", str(folder), str(source)])

    assert status == 1
    assert "page.csv failed" in text_of((folder / "0001-page.csv.html").read_text(encoding="utf-8"))
    assert "0 rows loaded failed" in text_of((folder / "index.html").read_text(encoding="utf-8"))


def test_a_page_that_has_no_place_is_refused_before_the_work(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del settings

    status = main(["--html", str(tmp_path / "nowhere" / "page.html"), str(tmp_path / "a.csv")])

    assert status == 2
    assert "it is in no folder that exists; name a file or a folder" in capsys.readouterr().err


def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.mysql_url is not None
    assert settings.catalog_url is not None
    monkeypatch.setenv("INGEST_MYSQL_URL", settings.mysql_url.get_secret_value())
    monkeypatch.setenv("INGEST_CATALOG_URL", settings.catalog_url.get_secret_value())
    monkeypatch.setenv("INGEST_DATA_DIR", str(settings.data_dir))


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (1, "100%"), (0.5, "50%"), (1e-9, "0.01%"), (0.99999, "99.9%"), (0.1234, "12.3%"), (None, "")],
)
def test_only_all_is_all_and_only_none_is_none(share: float | None, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (2024, "2024"),
        (-12_345, "-12,345"),
        (Decimal("12345.50"), "12,345.50"),
        (Decimal("1E+400"), "1E+400"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
        (True, "1"),
        (datetime(2024, 1, 2, 3, 4, 5, 600_000), "2024-01-02 03:04:05.600000"),
        (-timedelta(hours=838, minutes=59, seconds=59), "-838:59:59"),
        ("12345", "12345"),
        (None, ""),
    ],
)
def test_values_are_exact_and_numbers_separated(item: int | str | None, text: str) -> None:
    assert value(item) == text


@pytest.mark.parametrize(
    ("number", "text"), [(1234.5678, "1,234.57"), (0.0, "0"), (3.0, "3"), (-0.001, "-0.001"), (1e20, "1.00000e+20")]
)
def test_means_have_six_figures(number: float, text: str) -> None:
    assert rounded(number) == text


def test_what_cannot_be_seen_is_shown() -> None:
    assert visible("a\tb\u202ec\x7f\u00a0d\ud800") == "a␉b\\u202ec␡\u00a0d\\ud800"
    assert visible("Île 抹茶 ☕") == "Île 抹茶 ☕"


def test_a_box_stands_on_the_axis_of_its_bars() -> None:
    profile = numbers().profile
    assert profile is not None

    shape = histogram(profile, width=100)

    assert shape is not None
    assert shape.box is not None
    assert shape.box.low <= shape.box.first <= shape.box.median < shape.box.third < shape.box.high
    # 9,000,000 of -5 to 12,345,678.
    assert shape.box.high == pytest.approx(72.9, abs=0.1)
    assert max(bar.height for bar in shape.bars) == shape.height


def test_the_ends_of_an_axis_are_the_numbers_that_the_column_has() -> None:
    # A histogram's edge has 53 bits.
    low, high = 1_024_123_680_484_012_981, 9_964_080_126_089_871_514
    edges = Histogram(edges=(float(low), 5e18, float(high)), counts=(1, 2), exact=True)

    shape = histogram(dataclasses.replace(PRICE, kind=Kind.INTEGER, minimum=low, maximum=high, histogram=edges))

    assert shape is not None
    assert (shape.starts, shape.ends) == ("1,024,123,680,484,012,981", "9,964,080,126,089,871,514")


def test_edges_beyond_what_a_number_holds_make_no_picture() -> None:
    endless = Histogram(edges=(-1e308, float("inf")), counts=(3,), exact=True)

    assert histogram(dataclasses.replace(PRICE, histogram=endless)) is None


def test_parts_add_up_to_the_whole_and_name_the_largest() -> None:
    found = parts({name: float(at) for at, name in enumerate("abcdefgh", 1)}, whole=72)

    assert [part.name for part in found] == ["c", "d", "e", "f", "g", "h", "other"]
    assert sum(part.width for part in found) == pytest.approx(100)
    assert found[-1].value == 1 + 2 + 36
    assert parts({}) == ()


def test_a_line_needs_two_points() -> None:
    assert line([1.0]) is None
    assert line([None, 2.0, None]) is None
    drawn = line([1.0, None, 3.0], width=106, height=26)
    assert drawn is not None
    assert drawn.points == "3.0,23.0 103.0,3.0"


def test_a_part_of_the_columns_is_numbered_in_the_whole_file() -> None:
    view = FileView(report=whole(), state="running", first_column=50, columns_total=53)

    assert [(first, len(group)) for first, group in view.groups] == [(0, 3)]
    assert view.speed == ""
