"""Files made from seeds, each with the dialect that its maker had in mind."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Rows of cells, the header first.
Table = Sequence[Sequence[object]]

FIRST = ("Anna", "Björn", "Céline", "Dmitri", "Eva", "François", "Grzegorz", "Ian", "José", "Lars", "Nils", "Olga")
LAST = ("Smith", "O'Brien", "Müller", "García-López", "van Dyk", "Sørensen", "Łukasz", "D'Angelo", "Null", "Lee")
PRODUCTS = ("Blue chair", "Table, oak", 'Screen 24"', "USB-C cable", "Lamp (LED)", "Mug", "Desk; white", "A|B switch")
REGIONS = ("North", "South", "East", "West", "")
SENTENCES = (
    "Delivered late, customer informed.",
    "See the note: call back at 10:30; ask for Eva",
    "OK",
    "Two lines\nin one cell",
    'He said "fine", twice',
    "paid | closed",
    "",
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A file's bytes and what must be detected of it."""

    name: str
    content: bytes
    delimiter: str = ","
    quote_char: str | None = '"'
    escape_char: str | None = None
    line_end: str = "\n"
    encoding: str = "utf-8"
    header: bool = True
    file_name: str = "a.csv"
    skip_lines: int = 0
    comment: str | None = None


def written(
    rows: Sequence[Sequence[object]],
    delimiter: str = ",",
    quoting: int = csv.QUOTE_MINIMAL,
) -> str:
    """Return rows as text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]  # csv's own numbers
    writer.writerows(rows)
    return text.getvalue()


def day(rng: random.Random) -> str:
    """Return an ISO date."""
    return f"{rng.randint(2019, 2025)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def clock(rng: random.Random) -> str:
    """Return a time of day."""
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"


def sales(rng: random.Random, rows: int) -> Table:
    """Return sales with their header."""
    header = ["transaction_id", "customer_id", "product_name", "quantity", "price", "transaction_date", "region"]
    return [[*header]] + [
        [
            f"T{n:06}",
            f"C{rng.randint(1, 999):04}",
            rng.choice(PRODUCTS),
            rng.randint(1, 9),
            f"{rng.random() * 900:.2f}",
            day(rng),
            rng.choice(REGIONS),
        ]
        for n in range(rows)
    ]


def european(rng: random.Random, rows: int) -> Table:
    """Return rows with decimal commas and dates with points."""
    return [["Kunde", "Betrag", "Datum", "Satz"]] + [
        [
            rng.choice(LAST),
            f"{rng.randint(1, 9)}.{rng.randint(100, 999)},{rng.randint(10, 99)}",
            f"{rng.randint(10, 28)}.{rng.randint(10, 12)}.2024",
            f"{rng.randint(1, 99)},5",
        ]
        for _ in range(rows)
    ]


def notes(rng: random.Random, rows: int) -> Table:
    """Return rows with free text, some of it on two lines."""
    return [["id", "who", "note", "at"]] + [
        [n, f"{rng.choice(FIRST)} {rng.choice(LAST)}", rng.choice(SENTENCES), f"{day(rng)} {clock(rng)}"]
        for n in range(rows)
    ]


def log(rng: random.Random, rows: int) -> Table:
    """Return rows of timestamps and messages with colons and spaces."""
    return [["time", "level", "message"]] + [
        [
            f"{day(rng)}T{clock(rng)}Z",
            rng.choice(["INFO", "WARN"]),
            f"{rng.choice(FIRST)}: did {rng.randint(1, 99)} of {rng.randint(1, 99)}",
        ]
        for _ in range(rows)
    ]


def sparse(rng: random.Random, rows: int) -> Table:
    """Return rows that are mostly empty."""
    return [["a", "b", "c", "d", "e"]] + [[n, "", "", rng.choice(["", "x"]), ""] for n in range(rows)]


def numbers(rng: random.Random, rows: int) -> Table:
    """Return rows of numbers under a header."""
    return [["x", "y", "z"]] + [[rng.randint(0, 99), f"{rng.random():.3f}", -rng.randint(0, 9)] for _ in range(rows)]


def tags(rng: random.Random, rows: int) -> Table:
    """Return rows with lists in a cell."""
    return [["id", "tags", "when"]] + [
        [n, ";".join(rng.sample(["red", "blue", "old"], 2)), f"{day(rng)} {clock(rng)}"] for n in range(rows)
    ]


def money(rng: random.Random, rows: int) -> Table:
    """Return rows with thousands separators, percentages, addresses and links."""
    return [["Amount", "Share", "Mail", "Link", "IP"]] + [
        [
            f"${rng.randint(1, 99)},{rng.randint(100, 999)}.00",
            f"{rng.randint(1, 99)}%",
            f"{rng.choice(FIRST)}@x.example",
            f"https://x.example/?a=1&b={rng.randint(1, 9)};c",
            f"10.0.0.{rng.randint(1, 99)}",
        ]
        for _ in range(rows)
    ]


Maker = Callable[[random.Random, int], Table]
# Which cells a writer quotes anyhow, or can't hold without quotes.
GRID: tuple[tuple[Maker, str], ...] = (
    (sales, ",;\t|"),
    (european, ";\t|"),
    (notes, ",;\t|"),
    (log, ",;\t|"),
    (sparse, ",;\t|"),
    (numbers, ",;\t|"),
    (tags, ",\t|"),
    (money, ",;\t|"),
)


def grid() -> list[Sample]:
    """Return each kind of table, with each delimiter, quoting and number of rows that makes sense."""
    samples = []
    for maker, delimiters in GRID:
        for delimiter in delimiters:
            for rows in (1, 3, 40, 400):
                for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL):
                    name = f"{maker.__name__}{delimiter!r}{rows}{'q' if quoting else ''}"
                    table = maker(random.Random(name), rows)
                    samples.append(
                        Sample(
                            name=name, content=written(table, delimiter, quoting=quoting).encode(), delimiter=delimiter
                        )
                    )
    return samples


def lines(*texts: str, end: str = "\n") -> bytes:
    """Return lines as bytes, each with its end."""
    return "".join(text + end for text in texts).encode()


def odd() -> list[Sample]:
    """Return the files that go wrong elsewhere."""
    rng = random.Random(5)
    people = [f"{rng.choice(FIRST)} {rng.choice(LAST)}" for _ in range(30)]
    return [
        Sample(name="header only", content=b"id,name,city\n"),
        Sample(name="header only without end", content=b"id;name;city", delimiter=";"),
        Sample(name="one column of words", content=lines("city", "Berlin", "Rome", "Oslo")),
        Sample(name="one column of numbers", content=lines("n", *map(str, range(50)))),
        Sample(name="one column of names", content=lines("full name", *people)),
        Sample(
            name="one column of sentences",
            content=lines("remark", *[f"{p} was here at {n} o'clock" for n, p in enumerate(people)]),
        ),
        Sample(name="one column of times", content=lines("at", *[f"{day(rng)} {clock(rng)}" for _ in range(30)])),
        Sample(name="one column of clocks", content=lines("at", *[clock(rng) for _ in range(30)])),
        Sample(
            name="one column of links", content=lines("url", *[f"https://x.example/a/{n}?b=c:d" for n in range(30)])
        ),
        Sample(
            name="one column of decimal commas", content=lines("Wert", *[f"{n},5" for n in range(30)]), delimiter=";"
        ),
        Sample(
            name="one column of phone numbers",
            content=lines("phone", *[f"+49 170 {rng.randint(1000, 9999)}" for _ in range(30)]),
        ),
        Sample(name="one quoted column", content=lines("name", *[f'"{p}, Dr."' for p in people])),
        Sample(name="one cell", content=b"hello"),
        Sample(
            name="two columns of decimal commas",
            content=lines("a;b", *[f"{n},5;{n},25" for n in range(30)]),
            delimiter=";",
        ),
        Sample(
            name="decimal commas without header",
            content=lines(*[f"{n},5;{n},25" for n in range(30)]),
            delimiter=";",
            header=False,
        ),
        Sample(name="spaces after commas", content=lines("a, b, c", *[f"{n}, x y, {n}.5" for n in range(30)])),
        Sample(
            name="passwd",
            content=lines(
                "root:x:0:0:root:/root:/bin/bash",
                "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
                "anna:x:1000:1000:Anna,,,:/home/anna:/bin/bash",
            ),
            delimiter=":",
            header=False,
        ),
        Sample(
            name="numbers by spaces",
            content=lines("x y z", *[f"{n} {n * 2} {n / 4}" for n in range(30)]),
            delimiter=" ",
        ),
        Sample(name="single quotes", content=lines("id,text", *[f"{n},'a, b {n}'" for n in range(30)]), quote_char="'"),
        Sample(
            name="single quotes and inches",
            content=lines("id,text", *[f"{n},'a, {n}\" b'" for n in range(30)]),
            quote_char="'",
        ),
        Sample(
            name="a blank behind each delimiter",
            content=lines('id, "text", n', *[f'{n}, "a, b {n}", {n}' for n in range(30)]),
            delimiter=", ",
        ),
        Sample(
            name="quoted cells by spaces",
            content=lines("id name n", *[f'{n} "a b {n}" {n}' for n in range(30)]),
            delimiter=" ",
        ),
        Sample(name="names of programs", content=lines("name", *[f"std::vector::at{n}" for n in range(9)])),
        Sample(name="apostrophes", content=lines("id,text", *[f"{n},'tis {p}" for n, p in enumerate(people)])),
        Sample(name="inches", content=lines("id,size", *[f'{n},{n}" pipe' for n in range(30)]), quote_char=None),
        Sample(
            name="inches among quoted cells",
            content=lines("id,size", *[f'{n},{n}" pipe' for n in range(9)], *[f'{n},"a, b"' for n in range(9)]),
        ),
        Sample(
            name="escaped quotes",
            content=lines("id,text,n", *[f'{n},"say \\"hi, {n}\\" now",{n}' for n in range(30)]),
            escape_char="\\",
        ),
        Sample(
            name="escaped delimiters",
            content=lines("id,text,n", *[f"{n},a\\, b{'' if n % 3 else chr(92) + ', c'},{n}" for n in range(30)]),
            escape_char="\\",
        ),
        Sample(name="windows paths", content=lines("id,path,n", *[f'{n},"C:\\temp\\new\\",{n}' for n in range(30)])),
        Sample(name="bare windows paths", content=lines("id,path", *[f"{n},C:\\temp\\new{n}\\" for n in range(30)])),
        Sample(name="mysql nulls", content=lines("id\ta\tb", *[f"{n}\t\\N\tx" for n in range(30)]), delimiter="\t"),
        Sample(
            name="json cells",
            content=written([["id", "doc"], *[[n, f'{{"a": {n}, "b": [1, 2]}}'] for n in range(30)]]).encode(),
        ),
        Sample(name="ragged", content=lines("a,b,c", *[f"{n},x,y" if n % 7 else f"{n},x" for n in range(40)])),
        Sample(name="a delimiter at each end", content=lines("a,b,", *[f"{n},x," for n in range(40)])),
        Sample(name="blank lines", content=lines("a,b", *[f"{n},x" if n % 3 else "" for n in range(40)])),
        Sample(
            name="wide",
            content=lines(
                ",".join(f"c{n}" for n in range(300)), *[",".join(str(n) for n in range(300)) for _ in range(40)]
            ),
        ),
        Sample(
            name="long cells",
            content=lines("id;text", *[f"{n};{'lorem ipsum, dolor: ' * 250}" for n in range(20)]),
            delimiter=";",
        ),
        Sample(
            name="last name, first name",
            content=lines("id;name", *[f"{n};{rng.choice(LAST)}, {p}" for n, p in enumerate(people)]),
            delimiter=";",
        ),
        Sample(
            name="coordinates", content=lines("id|point", *[f"{n}|48.{n},11.{n}" for n in range(30)]), delimiter="|"
        ),
        Sample(name="sep line", content=lines("sep=;", "a;b", "1,5;2,5"), delimiter=";", skip_lines=1),
        Sample(
            name="years as names",
            content=lines("region,2019,2020,2021", *[f"r{n},{n},{n + 1},{n + 7}" for n in range(9)]),
        ),
        Sample(
            name="days as names", content=lines("country,1/22/20,1/23/20", *[f"r{n},{n},{n + 1}" for n in range(9)])
        ),
        Sample(
            name="months as names", content=lines("shop,1,2,3,4", *[f"r{n},{n},{n * 7},{n},{n + 2}" for n in range(9)])
        ),
        Sample(name="numbers without header", content=lines("1,2,3", "4,5,6", "7,8,9"), header=False),
        Sample(name="one row of numbers", content=b"1,2,3\n", header=False),
        Sample(
            name="mixed without header",
            content=lines(*[f"T{n},{day(rng)},{p},{n}.5" for n, p in enumerate(people)]),
            header=False,
        ),
        Sample(
            name="nulls in the first row",
            content=lines("1,,2024-01-01,x", "2,5.5,2024-01-02,y", "3,6.5,2024-01-03,z"),
            header=False,
        ),
        Sample(name="all text", content=lines("Name,City", "Anna,Rome", "Ole,Oslo")),
        Sample(name="crlf", content=lines("a,b", "1,2", "3,4", end="\r\n")),
        Sample(name="cr", content=lines("a,b", "1,2", "3,4", end="\r"), line_end="\r"),
        Sample(name="cr with quoted lf", content=lines("a,b", '1,"x\ny"', "3,4", end="\r"), line_end="\r"),
        Sample(name="cr with final lf", content=b"a,b\r1,2\r3,4\n", line_end="any"),
        Sample(name="all three ends", content=b"a,b\r\n1,2\n3,4\r5,6\n7,8\r9,10\n", line_end="any"),
        Sample(name="cr in a cell", content=b"a,b,c\n1,x\ry,3\n4,z,6\n7,u\rv,9\n"),
        Sample(name="cr in a quoted cell", content=b'a,b,c\n1,"x\ry",3\n4,z,6\n'),
        Sample(name="crcrlf", content=b"a,b\r\r\n1,2\r\r\n3,4\r\r\n", line_end="any"),
        Sample(name="tsv", content=lines("a\tb, c", "1\t2, 3"), delimiter="\t", file_name="a.tsv.gz"),
        Sample(name="psv", content=lines("a|b", "1|2"), delimiter="|", file_name="a.psv"),
        Sample(name="empty", content=b""),
        Sample(name="only a line end", content=b"\n"),
        Sample(name="bom", content="\ufeffid,größe\n1,2\n".encode()),
        Sample(name="utf-16 le", content="id;größe\n1;2\n".encode("utf-16"), encoding="utf-16-le", delimiter=";"),
        Sample(
            name="utf-16 be", content="\ufeffid;größe\n1;2\n".encode("utf-16-be"), encoding="utf-16-be", delimiter=";"
        ),
        Sample(
            name="utf-16 le without mark",
            content="id;größe\n1;2\n".encode("utf-16-le"),
            encoding="utf-16-le",
            delimiter=";",
        ),
        Sample(
            name="utf-16 be without mark",
            content="id;größe\n1;2\n".encode("utf-16-be"),
            encoding="utf-16-be",
            delimiter=";",
        ),
        Sample(name="utf-32", content="id;größe\n1;2\n".encode("utf-32"), encoding="utf-32-le", delimiter=";"),
        Sample(
            name="cp1252",
            content="id;größe\n1;Müller\n2;5 €\n3;“naïve”\n".encode("cp1252"),
            encoding="cp1252",
            delimiter=";",
        ),
        Sample(
            name="a stray quote",
            content=lines("a,b,c", *[f'{n},"x, {n}",y' for n in range(9)], '9,"x,y', *[f"{n},z,y" for n in range(9)]),
        ),
    ]


def delimiters() -> list[Sample]:
    """Return tables of people, long and short, with the delimiters that few use."""
    samples = []
    for delimiter in ("||", "::", "~|~", "|~|", "^|", "^|^", ";;", "\t\t", "~", "^", "¦", "§", "\x01", "\x1f"):
        for rows in (2, 40):
            rng = random.Random(delimiter)
            people = [[f"{n}", rng.choice(FIRST), "" if n % 3 else "Lee", f"{n}.5", day(rng)] for n in range(rows)]
            table = [["id", "first", "last", "n", "day"], *people]
            text = "".join(delimiter.join(row) + "\n" for row in table)
            samples.append(Sample(name=f"{delimiter!r} {rows}", content=text.encode(), delimiter=delimiter))
    return samples


def above() -> list[Sample]:
    """Return files with comments or a title above the table, and some that only look like it."""
    rows = [f"{n},{name},{n}.5" for n, name in enumerate(FIRST)]
    head = "id,name,price"
    return [
        *[
            Sample(
                name=f"comments {mark}",
                content=lines(f"{mark} made by x, y, and z", mark, "", head, *rows[:6], f"{mark} half", *rows[6:]),
                skip_lines=2,
                comment=mark,
            )
            for mark in ("#", "--", "//", "%", ";")
        ],
        Sample(name="a header like a comment", content=lines(f"#{head}", *rows)),
        Sample(
            name="a header like a comment below one", content=lines("# x", f"#{head}", *rows), skip_lines=1, comment="#"
        ),
        Sample(name="rows like comments", content=lines(head, *[f"#{row}" for row in rows])),
        Sample(name="rows like comments, no header", content=lines(*[f"#{n},5,{n}" for n in range(9)]), header=False),
        Sample(name="hashes in one column", content=lines("#1", "#2", "#3", "tag")),
        Sample(name="markdown in one column", content=lines("# Report", "text", "## Part", "more text")),
        Sample(name="dashes for nothing", content=lines("--,--,1", "5,--,2", "--,6,3"), header=False),
        Sample(name="a title", content=lines("Report of 2024", head, *rows), skip_lines=1),
        Sample(name="a title, two columns", content=lines("Report of 2024", "", "id,name", "1,a", "2,b"), skip_lines=2),
        Sample(
            name="a long title", content=lines("Sales, May", "made: 10:30", "", "by Ann", head, *rows), skip_lines=4
        ),
        Sample(name="a padded title", content=lines("Report,,", "Made,,", ",,", head, *rows), skip_lines=3),
        Sample(
            name="a title of pairs",
            content=lines(
                "Account: 12;", "From; 2024-01-01", "", head.replace(",", ";"), *[r.replace(",", ";") for r in rows]
            ),
            delimiter=";",
            skip_lines=3,
        ),
        Sample(
            name="a title above texts",
            content=lines("Staff", "", "first,last,city", *["a b,c d,e f"] * 5),
            skip_lines=2,
        ),
        Sample(
            name="row names without a header",
            content=lines("name,price", *[f'"{row}'.replace(",", '",', 1) for row in rows]),
        ),
        Sample(name="a header too short", content=lines("a,b,c", *[f"{row},x" for row in rows])),
        Sample(name="a header too long", content=lines("a,b,c,d", *rows)),
        Sample(
            name="sentences",
            content=lines("note", "Well, yes.", "No, never, ever.", "Perhaps", "One, two, three"),
            delimiter=";",
        ),
        Sample(name="an odd first row", content=lines("1,2", *rows), header=False),
    ]


def corpus() -> list[Sample]:
    """Return all of them."""
    return [*grid(), *odd(), *delimiters(), *above()]
