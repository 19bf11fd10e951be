"""The pages inside a real Airflow, in a real browser: who gets in, what is shown, how it looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import httpx
import pytest

from engine.catalog import Catalog
from engine.config import Settings
from engine.pipeline import ingest_files
from tests.fix_airflow import DAG_ID, Airflow
from tests.fix_browser import Screen, faint_texts, holes, is_too_wide
from tests.many_files import fill

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame

SIZES = {"desktop": (1440, 900), "laptop": (1280, 720)}
LOOKS = [
    pytest.param("light", "desktop"),
    pytest.param("dark", "laptop"),
    # Whatever they show, the other two show most of it.
    pytest.param("light", "laptop", marks=pytest.mark.slow),
    pytest.param("dark", "desktop", marks=pytest.mark.slow),
]
SCRIPT = "<script>alert(1)</script>"
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


@dataclass(frozen=True, kw_only=True)
class Story:
    """What the catalog of these tests has: one run of the DAG, a load by hand, and very many files."""

    airflow: Airflow
    run_id: str
    # The catalog's ids by file name.
    ids: dict[str, int]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.airflow.token}"}

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """Ask for one of the pages, as the administrator unless there are other headers."""
        chosen = self.headers if headers is None else headers
        return httpx.get(f"{self.airflow.url}/headrace{path}", headers=chosen, timeout=60)

    def paths(self) -> list[str]:
        """Every kind of address that there is."""
        bad = self.ids["pages_bad.csv"]
        return [
            "/",
            f"/run?run_id={self.run_id}",
            f"/task?run_id={self.run_id}&task_id=process_file.read_and_validate_csv&map_index=0",
            f"/files/{bad}",
            f"/files/{bad}/rejects/rows",
            f"/files/{bad}/rejects/reasons",
            "/icon.svg",
        ]


@pytest.fixture(scope="module")
def story(airflow: Airflow) -> Iterator[Story]:
    folder = airflow.folder("pages")
    for number in (1, 2):
        rows = "".join(f"{at},{at * number / 4:.2f},2024-0{number}-{1 + at % 28:02},n{at % 7}\n" for at in range(400))
        (folder / f"pages_{number}.csv").write_text(f"id,amount,day,kind\n{rows}")
    (folder / "pages_bad.csv").write_text(f'id,amount\n1,2\n3,"{SCRIPT}",4\n5,6,7,8\n')
    run_id = airflow.run({"folder": str(folder), "table": "pages_of_files"})
    by_hand = airflow.settings.data_dir / "pages_by_hand.csv"
    name = f"{SCRIPT}\u202egnp"
    by_hand.write_text(f'"{name}",b\n"{SCRIPT}",1\n"</title></style>",2\n')
    report = ingest_files([by_hand], airflow.settings, table="pages_by_hand")
    assert report.ok
    fill(airflow.catalog, 10_000)
    found = airflow.catalog.rows(
        "SELECT file_name, max(id) FROM file_metadata WHERE file_name LIKE 'pages_%' GROUP BY 1"
    )
    yield Story(airflow=airflow, run_id=run_id, ids={str(file): int(str(row_id)) for file, row_id in found})
    for table in ("data_quality_metrics", "column_metadata"):
        airflow.catalog.rows(
            f"DELETE FROM {table} WHERE file_metadata_id IN (SELECT id FROM file_metadata WHERE run_id LIKE 'many%')"
        )
    airflow.catalog.rows("DELETE FROM file_metadata WHERE run_id LIKE 'many%'")


@pytest.fixture(scope="module")
def onlooker(airflow: Airflow) -> str:
    """Return the token of a user who may log in and nothing else."""
    headers = {"Authorization": f"Bearer {airflow.token}"}
    role = {"name": "Onlooker", "actions": [{"action": {"name": "can_read"}, "resource": {"name": "Website"}}]}
    user = {
        "username": "onlooker",
        "password": "pw-of-onlooker",
        "email": "onlooker@example.org",
        "first_name": "On",
        "last_name": "Looker",
        "roles": [{"name": "Onlooker"}],
    }
    for kind, body in (("roles", role), ("users", user)):
        answer = httpx.post(f"{airflow.url}/auth/fab/v1/{kind}", json=body, headers=headers, timeout=60)
        assert answer.is_success, answer.text
    login = {"username": "onlooker", "password": "pw-of-onlooker"}
    token = httpx.post(f"{airflow.url}/auth/token", json=login, timeout=60).json()["access_token"]
    return str(token)


@pytest.fixture(scope="module")
def cookies(story: Story, chromium: Browser) -> list[dict[str, object]]:
    """Log in through Airflow's own page and return what the browser keeps of that."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{story.airflow.url}/")
    page.locator("input[name=username]").fill(story.airflow.user)
    page.locator("input[name=password]").fill(story.airflow.password)
    page.locator("input[type=submit], button[type=submit]").first.click()
    page.wait_for_url(f"{story.airflow.url}/")
    kept = context.cookies()
    context.close()
    return [dict(cookie) for cookie in kept]


@pytest.fixture
def log_in(cookies: list[dict[str, object]], open_screen: Callable[..., Screen]) -> Callable[..., Screen]:
    """Return what opens a browser in which somebody is logged in."""

    def logged_in(
        *,
        theme: Literal["light", "dark"] = "light",
        width: int = 1280,
        height: int = 720,
        storage: dict[str, str] | None = None,
    ) -> Screen:
        return open_screen(theme=theme, width=width, height=height, storage=storage, cookies=cookies)

    return logged_in


def go(screen: Screen, story: Story, path: str, heading: str) -> Frame:
    """Open a page of Airflow and return the frame in it, once the frame shows this heading."""
    screen.page.goto(f"{story.airflow.url}{path}")
    screen.page.frame_locator("iframe").locator("h1", has_text=heading).wait_for(timeout=60_000)
    return inner(screen)


def inner(screen: Screen) -> Frame:
    """Return the frame of our pages in Airflow's page."""
    (frame,) = [frame for frame in screen.page.frames if frame.parent_frame and "/headrace/" in frame.url]
    return frame


def is_fine(screen: Screen, frame: Frame, story: Story) -> None:
    """Check what holds for every page: it complains of nothing, asks nobody else, fits, and can be read."""
    assert [said for said in screen.complaints if "/headrace" in said] == []
    assert {urlsplit(url.removeprefix("blob:")).netloc for url in screen.asked if not url.startswith("data:")} == {
        urlsplit(story.airflow.url).netloc
    }
    assert not is_too_wide(frame)
    assert not is_too_wide(screen.page)
    assert holes(frame) == []
    assert faint_texts(frame) == []


def places(story: Story) -> dict[str, tuple[str, str]]:
    """Every page by its name: where it is in Airflow, and its heading."""
    run = f"/dags/{DAG_ID}/runs/{story.run_id}"
    read = f"{run}/tasks/process_file.read_and_validate_csv/mapped"
    return {
        "nav": ("/plugin/headrace", "Files of the last 7 days"),
        "nav-nothing-found": ("/plugin/headrace/headrace/?name=nowhere", "Files of the last 7 days"),
        "run": (f"{run}/plugin/headrace-files", "Files of this run"),
        "task-mapped": (f"{read}/0/plugin/headrace-file", "pages_1.csv"),
        "task-failed": (f"{read}/2/plugin/headrace-file", "pages_bad.csv"),
        "task-of-no-file": (f"{run}/tasks/scan_for_csv_files/plugin/headrace-file", "Files of this run"),
        "file": (f"/plugin/headrace/headrace/files/{story.ids['pages_2.csv']}", "pages_2.csv"),
        "file-with-rejects": (f"/plugin/headrace/headrace/files/{story.ids['pages_bad.csv']}", "pages_bad.csv"),
        "file-unknown": ("/plugin/headrace/headrace/files/2000000000", "Not Found"),
    }


def test_a_person_starts_a_run_by_the_form(story: Story, log_in: Callable[..., Screen]) -> None:
    airflow = story.airflow
    folder = airflow.folder("by_form")
    (folder / "by_form.csv").write_text("n\n1\n2\n")
    screen = log_in(width=1366, height=1200)
    page = screen.page
    page.goto(f"{airflow.url}/dags/{DAG_ID}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    form.locator("#element_folder").fill(str(folder))
    form.locator("#element_table").fill("formed")
    form.locator("input#element_max_rejects").fill("0.5%")
    for text in ("Take only files whose name fits", "as the file's name says", "Rejected rows allowed"):
        form.get_by_text(text).wait_for()
    screen.keep("trigger-form")
    runs = f"/dags/{DAG_ID}/dagRuns"
    before = {run["dag_run_id"] for run in airflow.call("GET", runs)["dag_runs"]}
    form.get_by_role("button", name="Trigger").click()

    def started() -> str | None:
        return next(
            (run["dag_run_id"] for run in airflow.call("GET", runs)["dag_runs"] if run["dag_run_id"] not in before),
            None,
        )

    run_id = airflow.until(started, "the run that the form starts")
    assert airflow.wait(run_id) == "success"
    assert airflow.mysql.rows("SELECT n FROM formed ORDER BY n") == [(1,), (2,)]


@pytest.mark.parametrize(("theme", "size"), LOOKS)
def test_every_page_looks_right_inside_airflow(
    story: Story, log_in: Callable[..., Screen], theme: Literal["light", "dark"], size: str
) -> None:
    width, height = SIZES[size]
    screen = log_in(theme=theme, width=width, height=height)

    for name, (path, heading) in places(story).items():
        frame = go(screen, story, path, heading)
        screen.keep(f"{name}-{theme}-{size}")
        assert frame.evaluate("document.documentElement.dataset.theme") == theme
        if name == "file-unknown":
            # The browser itself reports an answer of 404.
            screen.complaints = [said for said in screen.complaints if "404" not in said]
        is_fine(screen, frame, story)

    # All of a page, as the browser shows it by itself.
    for name in ("pages_2.csv", "pages_bad.csv"):
        screen.page.goto(f"{story.airflow.url}/headrace/files/{story.ids[name]}")
        screen.keep(f"whole-{name}-{theme}-{size}", full=True)


def test_nobody_gets_in_without_logging_in(story: Story) -> None:
    for path in story.paths():
        answer = story.get(path, headers={})
        assert answer.status_code == httpx.codes.UNAUTHORIZED, path
        assert "pages_" not in answer.text
        assert story.get(path, headers={"Cookie": "_token=made.up.token"}).status_code in (401, 403), path


def test_a_user_without_the_right_to_the_dag_is_refused(story: Story, onlooker: str) -> None:
    for path in story.paths():
        another = f"{path}{'&' if '?' in path else '?'}dag_id=another_dag"
        for way in ({"Authorization": f"Bearer {onlooker}"}, {"Cookie": f"_token={onlooker}"}):
            for asked in (path, another):
                answer = story.get(asked, headers=way)
                assert answer.status_code == httpx.codes.FORBIDDEN, asked
                assert "pages_" not in answer.text


def test_every_answer_keeps_what_it_says_to_itself(story: Story) -> None:
    for path in (*story.paths(), "/files/2000000000", "/files/none", "/?days=0", "/?page=0", "/nothing-here"):
        answer = story.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy


def test_an_address_that_makes_no_sense_is_explained(story: Story) -> None:
    for path, status, words in (
        ("/files/2000000000", 404, "the catalog has no such file"),
        ("/files/99999999999999999999", 404, "the catalog has no such file"),
        ("/files/none", 422, "row_id: Input should be a valid integer"),
        ("/?days=0", 422, "days: Input should be greater than or equal to 1"),
        ("/?name=a%00b", 422, "name: String should match pattern"),
        ("/run?run_id=%00", 422, "run_id: String should match pattern"),
        ("/?page=100000", 200, "There is no page 100,000."),
        ("/run?run_id=nowhere", 200, "This run has no files"),
        ("/run?run_id=x&dag_id=another", 200, "Files belong to runs of the DAG csv_to_mysql_with_metadata."),
        ("/?source=table:%27%3B--&state=%27&name=%25", 200, "No file of the last 7 days is like that."),
    ):
        answer = story.get(path)
        assert (answer.status_code, words in answer.text) == (status, True), (path, answer.text[-800:])


def test_the_files_of_the_last_days_are_listed(story: Story, log_in: Callable[..., Screen]) -> None:
    screen = log_in()
    frame = go(screen, story, "/plugin/headrace", "Files of the last 7 days")

    rows = frame.locator("table.files tbody tr:not(.why)")
    assert rows.count() == 50
    first = frame.locator("table.files th[scope=row]").all_inner_texts()
    frame.get_by_role("link", name="Older").click()
    frame.get_by_text("page 2 of", exact=False).wait_for()
    second = frame.locator("table.files th[scope=row]").all_inner_texts()
    assert not set(first) & set(second)

    frame.get_by_label("State").select_option("failed")
    frame.locator(".pill.loaded").first.wait_for(state="detached")
    states = set(frame.locator("table.files .pill").all_inner_texts())
    assert states <= {"failed", "held"}
    assert states
    # Airflow's own address has it all, so it can be sent to somebody.
    assert "/plugin/headrace/headrace/" in screen.page.url
    screen.page.wait_for_url(re.compile("state=failed"))

    frame.get_by_label("Feed or table").select_option("table:orders_data")
    frame.locator("table.files tbody tr:not(.why)").first.wait_for()
    screen.page.wait_for_url(re.compile("source=table%3Aorders_data"))
    frame = inner(screen)
    tables = set(frame.locator("table.files tbody tr:not(.why) td:nth-child(3)").all_inner_texts())
    assert tables == {"orders → orders_data"}


def test_a_run_lists_its_files_and_each_leads_to_its_page(story: Story, log_in: Callable[..., Screen]) -> None:
    screen = log_in()
    frame = go(screen, story, f"/dags/{DAG_ID}/runs/{story.run_id}/plugin/headrace-files", "Files of this run")

    assert sorted(frame.locator("table.files th[scope=row]").all_inner_texts()) == [
        "pages_1.csv",
        "pages_2.csv",
        "pages_bad.csv",
    ]
    frame.get_by_role("link", name="pages_2.csv").click()
    frame.locator("h1", has_text="pages_2.csv").wait_for()
    frame.get_by_role("link", name="Files of this run").click()
    frame.locator("h1", has_text="Files of this run").wait_for()


def test_a_file_leads_to_its_run_in_airflow(story: Story, log_in: Callable[..., Screen]) -> None:
    screen = log_in()
    frame = go(screen, story, f"/plugin/headrace/headrace/files/{story.ids['pages_1.csv']}", "pages_1.csv")

    frame.get_by_role("link", name="Airflow run").click()

    screen.page.wait_for_url(f"{story.airflow.url}/dags/{DAG_ID}/runs/{story.run_id}**")


def test_a_page_follows_the_theme_of_airflow(story: Story, log_in: Callable[..., Screen]) -> None:
    screen = log_in(theme="light", storage={"theme": "dark"})
    frame = go(screen, story, "/plugin/headrace", "Files of the last 7 days")
    theme = "document.documentElement.dataset.theme"
    assert frame.evaluate(theme) == "dark"

    # What Airflow does when somebody chooses another theme.
    screen.page.evaluate("document.documentElement.classList.replace('dark', 'light')")

    frame.wait_for_function(f"{theme} === 'light'")


def test_a_file_stands_beside_the_loads_before_it(story: Story) -> None:
    (row_id,) = story.airflow.catalog.rows(
        "SELECT id FROM file_metadata WHERE target_table = 'orders_data' AND ingestion_status = 'success' "
        "ORDER BY ingestion_timestamp DESC LIMIT 1"
    )[0]

    page = story.get(f"/files/{row_id}").text

    assert "beside 20 earlier loads of this feed" in page
    assert page.count("20 earlier loads and this one") >= 10
    assert re.search(r"rows loaded.*?duration.*?completeness.*?duplicate rows", page, re.DOTALL)


def test_content_of_files_stays_text(story: Story, log_in: Callable[..., Screen]) -> None:
    screen = log_in()

    for name in ("pages_by_hand.csv", "pages_bad.csv"):
        frame = go(screen, story, f"/plugin/headrace/headrace/files/{story.ids[name]}", name)
        assert SCRIPT in frame.evaluate("document.body.textContent")
        assert frame.locator("body script").count() == 0
        assert frame.locator("main").count() == 1
        is_fine(screen, frame, story)
    assert "\u202e" not in story.get(f"/files/{story.ids['pages_by_hand.csv']}").text


def test_rejects_are_shown_and_saved(story: Story, log_in: Callable[..., Screen], tmp_path: Path) -> None:
    screen = log_in()
    frame = go(screen, story, f"/plugin/headrace/headrace/files/{story.ids['pages_bad.csv']}", "pages_bad.csv")
    (rejects_path,) = story.airflow.catalog.rows(
        "SELECT rejects_path FROM file_metadata WHERE id = %s", (story.ids["pages_bad.csv"],)
    )[0]

    table = frame.locator("#rejects table")
    assert table.locator("tbody tr").count() == 2
    assert SCRIPT in table.inner_text()
    for words, suffix in (("Save the rows", ".csv"), ("Save the reasons", ".errors.jsonl")):
        with screen.page.expect_download() as waiting:
            frame.get_by_role("link", name=words).click()
        saved = tmp_path / f"saved{suffix}"
        waiting.value.save_as(saved)
        kept = Path(str(rejects_path).removesuffix(".csv") + suffix)
        assert waiting.value.suggested_filename == kept.name
        assert saved.read_bytes() == kept.read_bytes()


def test_a_download_is_a_download(story: Story) -> None:
    answer = story.get(f"/files/{story.ids['pages_bad.csv']}/rejects/rows")

    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_file_outside_the_rejects_is_sent(story: Story, tmp_path: Path) -> None:
    folder = story.airflow.settings.rejects_dir
    secret = tmp_path / "secret.csv"
    secret.write_text(
        "first line\n" + '{"line": 1, "class": "type", "message": "secret", "column": null, "raw": "secret"}\n'
    )
    secret.with_name("secret.errors.jsonl").write_bytes(secret.read_bytes())
    link = folder / "files" / "link.csv"
    link.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".csv", ".errors.jsonl"):
        link.with_name(f"link{suffix}").symlink_to(secret.with_name(f"secret{suffix}"))
    beside = folder.with_name("rejects-of-others")
    beside.mkdir(exist_ok=True)
    (beside / "other.csv").write_text("secret\n")
    row_id = story.ids["pages_by_hand.csv"]

    for path in (
        secret,
        link,
        beside / "other.csv",
        folder / "files" / ".." / ".." / ".." / secret.relative_to("/"),
        Path("/etc/passwd"),
        folder,
        folder / "missing.csv",
        Path("\x01.csv"),
        Path("/" + "x/" * 3000 + "a.csv"),
    ):
        story.airflow.catalog.rows(
            "UPDATE file_metadata SET rejects_path = %s, rows_rejected = 1 WHERE id = %s", (str(path), row_id)
        )
        for what in ("rows", "reasons", "..%2f..%2fetc%2fpasswd"):
            assert story.get(f"/files/{row_id}/rejects/{what}").status_code in (404, 422), (path, what)
        assert "secret</bdi>" not in story.get(f"/files/{row_id}").text
    story.airflow.catalog.rows(
        "UPDATE file_metadata SET rejects_path = NULL, rows_rejected = 0 WHERE id = %s", (row_id,)
    )


def test_a_file_of_2000_columns_has_pages_of_them(story: Story, airflow: Airflow, tmp_path: Path) -> None:
    wide = tmp_path / "pages_wide.csv"
    names = ",".join(f"c{at}" for at in range(1, 1_001))
    wide.write_text(names + "\n" + ",".join("1" for _ in range(1_000)) + "\n")
    settings: Settings = airflow.settings
    report = ingest_files([wide], settings, table="pages_wide", overrides={"wide": "json"})
    assert report.ok, report.files[0].error
    (row_id,) = airflow.catalog.rows("SELECT max(id) FROM file_metadata WHERE file_name = 'pages_wide.csv'")[0]

    first, last = story.get(f"/files/{row_id}").text, story.get(f"/files/{row_id}?first=950").text

    assert "1 to 50 of 1,000 columns" in first
    assert "951 to 1,000 of 1,000 columns" in last
    assert ">c50<" in first
    # Further down, the receipt has others too.
    assert ">c51<" not in first.partition('id="checks"')[0]
    assert ">c1000<" in last
    assert len(first) < 400_000


def test_the_catalog_of_the_pages_is_the_catalog_of_the_tasks(story: Story) -> None:
    assert story.airflow.settings.catalog_url is not None
    url = story.airflow.settings.catalog_url.get_secret_value()
    with Catalog.connect(url, connect_timeout_s=5) as catalog:
        assert catalog.look("file", {"id": story.ids["pages_1.csv"]})[0]["run_id"] == story.run_id
