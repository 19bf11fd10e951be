"""Alerts: what each channel gets, through Airflow's own notifiers, and that a dead service holds nothing up."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from engine.airflow.alerts import Finding, Place, alert_failure, alert_loaded, compose, send
from engine.airflow.options import Channel, Occasion, load_options
from engine.errors import SettingsError
from engine.model import FileReport, FileStatus, Mode, QualityCheck
from tests.fix_catchers import Mails, PagerDuty, Posts, connections

# Not imported, which takes as long as collecting all tests.
pytestmark = pytest.mark.skipif(
    find_spec("airflow") is None, reason="alerts go through Airflow's providers: make setup-airflow"
)
PLACE = Place(
    dag_id="csv_to_mysql_with_metadata",
    run_id="manual__1",
    task_id="process_file.load_data_to_mysql",
    map_index=3,
    link="http://127.0.0.1:8080/dags/x?a=1&b=2",
)
# A name and a value that would be a tag, a mention, a template and a header if they were let.
NASTY = Finding(
    file="a<b>&{{ 7*7 }}\r\nBcc: x@example.org.csv", message="<!channel> <script>x</script> {{ 7*7 }}\nline 2"
)


@pytest.fixture(scope="module")
def told(hook: Posts, mails: Mails, pagerduty: PagerDuty) -> None:
    """Send one alert through all four channels."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**connections(hook, mails), **pagerduty.environment}.items():
            patch.setenv(name, value)
        patch.setenv("HEADRACE_ALERTS", "smtp, slack,pagerduty,webhook")
        patch.setenv("HEADRACE_ALERT_TO", "one@example.org,two@example.org")
        alert = compose(Occasion.FAILURE, [NASTY, Finding(file="b.csv", message="also")], PLACE)
        assert send(alert, load_options()) == {}


@pytest.mark.usefixtures("told")
def test_mail_names_file_error_and_link_and_is_escaped(mails: Mails) -> None:
    (mail,) = mails.got
    assert mail["To"] == "one@example.org, two@example.org"
    assert mail["From"] == "headrace@example.org"
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Headrace: a<b>&{{ 7*7 }} Bcc: x@example.org.csv (and 1 more) failed: <!channel>")
    (part,) = mail.iter_parts()
    text = part.get_content()
    assert "a&lt;b&gt;&amp;{{ 7*7 }}" in text
    assert "<script>" not in text
    assert "&lt;script&gt;x&lt;/script&gt; {{ 7*7 }}\nline 2" in text
    assert 'href="http://127.0.0.1:8080/dags/x?a=1&amp;b=2"' in text.replace("'", '"')


@pytest.mark.usefixtures("told")
def test_slack_gets_no_mention_and_no_link_of_the_file(hook: Posts) -> None:
    (body,) = [body for path, _, body in hook.got if path == "/slack/T0KEN-s3cret"]
    assert "<!channel>" not in body["text"]
    assert "&lt;!channel&gt; &lt;script&gt;" in body["text"]
    assert body["text"].endswith("\n<http://127.0.0.1:8080/dags/x?a=1&amp;b=2|log of the task>")


@pytest.mark.usefixtures("told")
def test_a_web_hook_gets_a_document_and_its_header(hook: Posts) -> None:
    ((_, headers, body),) = [post for post in hook.got if post[0].startswith("/hook")]
    assert headers["X-Token"] == "h00k-s3cret"
    assert body["event"] == "failure"
    assert body["run_id"] == "manual__1"
    assert [file["name"] for file in body["files"]] == ["a<b>&{{ 7*7 }} Bcc: x@example.org.csv", "b.csv"]
    assert body["link"] == PLACE.link


@pytest.mark.usefixtures("told")
def test_pagerduty_gets_one_key_for_all_that_concerns_a_task(pagerduty: PagerDuty) -> None:
    ((path, _, body),) = pagerduty.posts.got
    assert path == "/v2/enqueue"
    assert body["routing_key"] == "r0uting-s3cret"
    assert body["event_action"] == "trigger"
    assert body["dedup_key"] == "csv_to_mysql_with_metadata/manual__1/process_file.load_data_to_mysql/3/failure"
    assert body["payload"]["severity"] == "error"
    assert body["links"] == [{"href": PLACE.link, "text": "log"}]


def report(**words: object) -> FileReport:
    base: dict[str, object] = {
        "file_id": "f",
        "run_id": "r",
        "attempt": 1,
        "path": Path("/in/x.csv"),
        "sha256": None,
        "size_bytes": 1,
        "mtime": None,
        "feed": None,
        "table": "x",
        "mode": Mode.APPEND,
        "status": FileStatus.LOADED,
        "started_at": datetime.now(UTC),
        "seconds": 1.0,
        "seconds_by_step": {},
        "rows_read": 10,
    }
    return FileReport(**{**base, **words})  # type: ignore[arg-type]  # of the right types


def test_rejects_and_checks_are_told_only_where_somebody_asked(
    hook: Posts, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.got.clear()
    for name, value in connections(hook, mails).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_ALERTS", "webhook")
    failed = QualityCheck(name="completeness", column="c", value=0.5, unit="ratio", passed=False)
    reports = [report(rows_rejected=2, checks=(failed,)), report(path=Path("/in/held.csv"), status=FileStatus.HELD)]
    alert_loaded(reports, PLACE)
    assert hook.got == []
    monkeypatch.setenv("HEADRACE_ALERT_ON", "rejects,quality")
    alert_loaded(reports, PLACE)
    alert_failure([NASTY], PLACE)
    assert [(body["event"], [(f["name"], f["message"]) for f in body["files"]]) for _, _, body in hook.got] == [
        ("rejects", [("x.csv", "2 of 10 rows were rejected")]),
        ("quality", [("x.csv", "completeness of c is 0.5")]),
    ]


def test_a_dead_service_holds_nothing_up(
    hook: Posts, mails: Mails, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in connections(hook, mails).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_ALERTS", "webhook,pagerduty")
    monkeypatch.setenv("HEADRACE_ALERT_TIMEOUT_S", "1")
    # It takes connections and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        hook.got.clear()
        began = time.monotonic()
        failures = send(compose(Occasion.FAILURE, [NASTY], PLACE), load_options())
        assert time.monotonic() - began < 10
    assert failures == {Channel.PAGERDUTY: "no answer within 1 s"}
    assert len(hook.got) == 1
    assert "s3cret" not in caplog.text


def test_very_many_files_are_one_short_message() -> None:
    alert = compose(Occasion.FAILURE, [Finding(file=f"{n}.csv", message="x" * 5000) for n in range(3000)], PLACE)
    assert len(alert.subject) <= 200
    assert [finding.file for finding in alert.findings[-2:]] == ["19.csv", "…"]
    assert alert.findings[-1].message == "and 2,980 more files: see the link"
    assert max(len(finding.message) for finding in alert.findings) <= 2000


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HEADRACE_ALERTS", "slack,pigeon", "HEADRACE_ALERTS"),
        ("HEADRACE_ALERTS", "smtp", "HEADRACE_ALERT_TO names nobody"),
        ("HEADRACE_ALERT_ON", "sometimes", "HEADRACE_ALERT_ON"),
        ("HEADRACE_RETRY_DELAY_S", "soon", "HEADRACE_RETRY_DELAY_S (is 'soon')"),
    ],
)
def test_an_option_that_makes_no_sense_says_so(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="HEADRACE") as error:
        load_options()
    assert said in str(error.value)
