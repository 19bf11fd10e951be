"""When the DAG runs by itself: by the clock, when a file arrives, by both, or never."""

from __future__ import annotations

from airflow.sdk import Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable
from croniter import CroniterError, croniter

from engine.airflow.arrival import FilesArrive
from engine.airflow.options import Options
from engine.config import Settings
from engine.errors import SettingsError

# Airflow's own, without `@once`, which would never take a second file, and `@continuous`, which never rests.
PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
# Cron has fields of minutes, hours, days, months and weekdays; a sixth would be of seconds.
_FIELDS = 5

Schedule = str | Asset | AssetOrTimeSchedule | None


def arrivals(options: Options, settings: Settings) -> Asset:
    """Return the asset that stands for the input folder, with the watcher that sees files arrive there."""
    trigger = FilesArrive(folder=str(settings.input_dir.absolute()), poll_s=options.arrival_poll_s)
    return Asset(
        name="headrace_input",
        uri="headrace://data/input",
        watchers=[AssetWatcher(name="headrace_input_folder", trigger=trigger)],
    )


def schedule_of(options: Options, settings: Settings) -> Schedule:
    """Return what goes to `DAG(schedule=…)`.

    Raises:
        SettingsError: `HEADRACE_SCHEDULE` is no schedule.
    """
    clock = _checked(options.schedule) if options.schedule else None
    if not options.on_arrival:
        return clock
    arriving = arrivals(options, settings)
    if clock is None:
        return arriving
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(clock, timezone="UTC"), assets=arriving)


def _checked(schedule: str) -> str:
    text = schedule.strip()
    if text in PRESETS:
        return text
    reason = "" if text.startswith("@") else _complaint(text)
    if reason is None:
        return text
    raise SettingsError(
        f"HEADRACE_SCHEDULE (is {schedule!r}): neither a cron expression of five fields, nor one of "
        f"{', '.join(PRESETS)}, nor none{reason and f' ({reason})'}",
        code="settings.schedule",
        next_step='such as "*/15 * * * *" for every quarter of an hour',
    )


def _complaint(text: str) -> str | None:
    """Say what is wrong with a cron expression, None where nothing is."""
    if len(text.split()) != _FIELDS:
        return f"it has {len(text.split())} fields"
    try:
        # The thirtieth of February is well-formed and never comes.
        croniter(text).get_next()
    except (CroniterError, ValueError) as error:
        return str(error)
    return None
