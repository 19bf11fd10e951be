"""Makes the files of `data/sample/`, the same bytes every time: `python -m tests.make_samples`."""

from __future__ import annotations

import gzip
import io
import math
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "data" / "sample"
_SALES_ROWS = 1_000

_PRODUCTS = (
    ("Desk lamp, brass", "Lighting", "49.90"),
    ("Desk lamp, black", "Lighting", "44.50"),
    ('Monitor 27"', "Displays", "319.00"),
    ('Monitor arm "Duo", 27"', "Displays", "129.00"),
    ("Crème brûlée torch", "Kitchen", "34.95"),
    ("Jalapeño seeds, 5 g", "Garden", "2.49"),
    ("Ångström ruler", "Office", "12.00"),
    ("抹茶セット", "Kitchen", "58.20"),
    ('Notebook "Field", A5', "Office", "7.80"),
    ("Garden hose; 20 m", "Garden", "24.99"),
    ("Tea towel\\check", "Kitchen", "6.30"),
    ("Coffee ☕ sampler", "Kitchen", "18.75"),
)
_REGIONS = ("North", "South", "East", "West", "Île-de-France", "Nordrhein-Westfalen")


def main() -> None:
    """Write every sample."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for month in (1, 2):
        _write(f"sales_2024_{month:02}.csv", _csv(_sales(month)).encode())
    _write("customers.csv", _csv(_customers()).encode())
    _write("products.tsv", _csv(_products(), delimiter="\t").encode())
    readings = _csv(_readings()).encode()
    _write("sensor_readings.csv.gz", gzip.compress(readings, mtime=0))
    _write("umsatz_de.csv", _csv(_turnover(), delimiter=";", line_end="\r\n").encode("cp1252"))


def _write(name: str, content: bytes) -> None:
    (FOLDER / name).write_bytes(content)


def _csv(rows: list[tuple[str | None, ...]], *, delimiter: str = ",", line_end: str = "\n") -> str:
    """Return the rows as text; None is an empty field, "" a quoted one."""
    text = io.StringIO()
    for row in rows:
        text.write(delimiter.join(_field(value, delimiter) for value in row) + line_end)
    return text.getvalue()


def _field(value: str | None, delimiter: str) -> str:
    if value is None:
        return ""
    if value == "" or any(char in value for char in (delimiter, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value


def _sales(month: int) -> list[tuple[str | None, ...]]:
    chance = random.Random(2024_00 + month)
    header = ("transaction_id", "customer_id", "product_name", "quantity", "price", "transaction_date", "region")
    rows: list[tuple[str | None, ...]] = [header]
    for number in range(1, _SALES_ROWS + 1):
        name, _, price = chance.choice(_PRODUCTS)
        discount = Decimal(chance.choice((0, 0, 0, 5, 10)))
        final = (Decimal(price) * (100 - discount) / 100).quantize(Decimal("0.01"))
        rows.append(
            (
                f"T2024{month:02}-{number:05}",
                f"C{chance.randint(1, 300):05}",
                name,
                str(chance.choice((1, 1, 1, 2, 2, 3, 5, 12))),
                str(final),
                date(2024, month, chance.randint(1, 29)).isoformat(),
                # Some sales have no region yet.
                chance.choice(_REGIONS) if chance.random() > 0.04 else None,
            )
        )
    return rows


def _customers() -> list[tuple[str | None, ...]]:
    chance = random.Random(7)
    header = ("customer_id", "name", "zip", "account", "born", "newsletter", "credit_limit", "note", "address")
    first = ("Zoë", "Márton", "Aoife", "Łukasz", "Noor", "Ana María", "Jean-Luc", "悠真", "O'Neil", "Siân")
    last = ("Müller", "Szabó", "Ní Bhriain", "Wójcik", "de Vries", "Peña", 'Picard "Le Grand"', "佐藤", "Smith, Jr.")
    rows: list[tuple[str | None, ...]] = [header]
    for number in range(1, 301):
        street = (
            f"{chance.randint(1, 240)} {chance.choice(('High Street', 'Rue du Bac', 'Hauptstraße', 'Calle Mayor'))}"
        )
        rows.append(
            (
                f"C{number:05}",
                f"{chance.choice(first)} {chance.choice(last)}",
                # Leading zeros are part of a postal code.
                f"{chance.randint(501, 99_950):05}",
                # Nineteen digits: too long for a double, and partly for a signed 64-bit integer.
                str(chance.randint(10**18, 10**19 - 1)),
                (date(1940, 1, 1) + timedelta(days=chance.randint(0, 24_000))).isoformat(),
                chance.choice(("true", "false")),
                f"{chance.randint(0, 500) * 10}.00",
                # An empty note is not a missing one.
                chance.choice((None, "", "prefers e-mail", "called twice,\nno answer")),
                f"{street}\n{chance.choice(('Flat 2', 'Rear building', '3rd floor'))}" if number % 7 == 0 else street,
            )
        )
    return rows


def _products() -> list[tuple[str | None, ...]]:
    rows: list[tuple[str | None, ...]] = [("sku", "product name", "category", "list price", "discontinued")]
    for number, (name, category, price) in enumerate(_PRODUCTS, start=1):
        rows.append((f"{number:04}", name, category, price, "2023-12-31" if number % 5 == 0 else None))
    return rows


def _readings() -> list[tuple[str | None, ...]]:
    chance = random.Random(42)
    rows: list[tuple[str | None, ...]] = [("sensor", "measured_at", "temperature_c", "humidity_percent", "pressure_pa")]
    start = datetime(2024, 3, 1, tzinfo=UTC)
    for step in range(2_000):
        moment = start + timedelta(seconds=300 * (step // 4), milliseconds=chance.randint(0, 999))
        temperature = 12 + 8 * math.sin(step / 180) + chance.gauss(0, 0.4)
        rows.append(
            (
                f"roof-{step % 4 + 1}",
                moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03}",
                f"{temperature:.3f}",
                # One sensor has no hygrometer.
                None if step % 4 == 3 else str(chance.randint(30, 95)),
                f"{101_325 + chance.gauss(0, 900):.6e}",
            )
        )
    return rows


def _turnover() -> list[tuple[str | None, ...]]:
    chance = random.Random(49)
    rows: list[tuple[str | None, ...]] = [("Datum", "Filiale", "Straße", "Umsatz €", "Bemerkung")]
    branches = (
        ("Köln", "Domstraße 1"),
        ("Düsseldorf", "Königsallee 60"),
        ("Zürich", "Bahnhofstrasse 3"),
        ("Wien", "Graben 21"),
    )
    for day in range(60):
        for town, street in branches:
            cents = chance.randint(100_000, 999_999)
            euros = f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}"
            note = chance.choice((None, None, None, "Inventur; nachmittags zu", "„Tag der offenen Tür“"))
            rows.append(((date(2024, 1, 1) + timedelta(days=day)).strftime("%d.%m.%Y"), town, street, euros, note))
    return rows


if __name__ == "__main__":
    main()
