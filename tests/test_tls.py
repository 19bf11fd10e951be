"""TLS: a server that isn't what it says gets nothing, with a real MySQL or MariaDB and a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from engine.catalog import Catalog
from engine.catalog.target import target_of
from engine.errors import CatalogError, LoadError
from engine.load import Address, Connection
from tests.fake_mysql import HostileServer
from tests.fix_own import EXPIRED, OwnMysql, write_certificate
from tests.fix_postgres import Postgres

_REASONS = {
    "right": None,
    "wrong name": "name|match|identity|verif",
    "wrong authority": "certificate|verif",
    "expired": "certificate|verif|expired",
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority ä.pem"
    authority.cert_pem.write_to_path(path)
    return path


def show(own: OwnMysql, authority: trustme.CA, case: str, host: str) -> None:
    """Let the server show what a case says."""
    if case == "wrong name":
        own.show(authority, "elsewhere.example")
    elif case == "wrong authority":
        own.show(trustme.CA(), host)
    else:
        # A server takes no certificate that has expired already.
        soon = datetime.now(UTC) + timedelta(seconds=3)
        own.show(authority, host, expires=soon if case == "expired" else None)
        if case == "expired":
            time.sleep(3.5)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("case", _REASONS)
def test_a_server_proves_who_it_is(own_mysql: OwnMysql, authority: trustme.CA, ca: Path, case: str, host: str) -> None:
    show(own_mysql, authority, case, host)
    user = own_mysql.url.split("@")[0]
    url = f"{user}@{host}:{own_mysql.port}/headrace?ssl-mode=VERIFY_IDENTITY&ssl-ca={quote(str(ca))}"
    if _REASONS[case] is None:
        connection = Connection(Address.parse(url), connect_timeout_s=5)
        assert connection.tls
        assert connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1] == connection.tls
        connection.close()
        return
    with pytest.raises(LoadError, match=f"(?i){_REASONS[case]}") as caught:
        Connection(Address.parse(url), connect_timeout_s=5)
    assert (caught.value.code, caught.value.retryable) == ("load.tls", False)
    assert "ssl_ca" in str(caught.value)


def test_verify_ca_takes_no_other_authority(own_mysql: OwnMysql, authority: trustme.CA, ca: Path) -> None:
    """MariaDB's client library compares the name as well."""
    address = Address.parse(f"{own_mysql.url}?ssl_mode=VERIFY_CA&ssl_ca={quote(str(ca))}")
    own_mysql.show(authority, "127.0.0.1")
    Connection(address, connect_timeout_s=5).close()
    own_mysql.show(trustme.CA(), "127.0.0.1")
    with pytest.raises(LoadError) as caught:
        Connection(address, connect_timeout_s=5)
    assert caught.value.code == "load.tls"


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_a_server_without_tls_is_refused_and_told_nothing(mode: str, ca: Path) -> None:
    with HostileServer(lambda query: ()) as server:
        address = Address.parse(f"mysql://user:hush@127.0.0.1:{server.port}/d?ssl_mode={mode}&ssl_ca={quote(str(ca))}")
        with pytest.raises(LoadError) as caught:
            Connection(address, connect_timeout_s=5)
    assert caught.value.code == "load.tls"
    if mode == "REQUIRED":
        # Whoever answers gets as far with a certificate of his own: what is asked of him is none of the engine's words.
        assert [query for query in server.queries if not query.startswith(b"SET NAMES")] == []
    else:
        assert (server.logins, server.queries) == ([], [])


@pytest.mark.parametrize(
    ("options", "code"),
    [("", "load.denied"), ("?ssl_mode=PREFERRED", "load.denied"), ("?ssl_mode=VERIFY_IDENTITY", "load.tls")],
)
def test_a_server_that_asks_for_the_password_itself_does_not_get_it(options: str, code: str) -> None:
    """Without TLS whoever answers could ask the client to log in with the password as it is."""
    with HostileServer(lambda query: (), wants_password=True) as server:
        asked = Address.parse(f"mysql://user:hush@127.0.0.1:{server.port}/d{options}")
        with pytest.raises(LoadError) as caught:
            Connection(asked, connect_timeout_s=5)
    assert caught.value.code == code
    assert b"hush" not in b"".join(server.logins)


@pytest.fixture
def tls_postgres(postgres_server: Postgres, catalog_url: str) -> Iterator[Path]:
    """Yield the folder whose certificate the session's PostgreSQL shows."""
    folder = Path(str(postgres_server.value("SHOW data_directory")))
    owner = folder.stat()
    write_certificate(folder, trustme.CA(), "localhost")
    for name in ("ca.pem", "cert.pem", "key.pem"):
        _give(folder / name, owner.st_uid, owner.st_gid)
    postgres_server.rows("ALTER SYSTEM SET ssl_cert_file = 'cert.pem'")
    postgres_server.rows("ALTER SYSTEM SET ssl_key_file = 'key.pem'")
    postgres_server.rows("ALTER SYSTEM SET ssl = on")
    postgres_server.rows("SELECT pg_reload_conf()")
    yield folder
    for name in ("ssl", "ssl_cert_file", "ssl_key_file"):
        postgres_server.rows(f"ALTER SYSTEM RESET {name}")
    postgres_server.rows("SELECT pg_reload_conf()")


def _give(path: Path, uid: int, gid: int) -> None:
    import os

    os.chown(path, uid, gid)
    path.chmod(0o600)


@pytest.mark.parametrize("case", _REASONS)
def test_a_catalog_proves_who_it_is(
    tls_postgres: Path,
    postgres_server: Postgres,
    catalog_url: str,
    authority: trustme.CA,
    ca: Path,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    """The server's own name counts as one of another machine here, so nothing but the authority has to be said."""
    monkeypatch.setattr("engine.catalog.target.is_local", lambda host: False)
    shown = trustme.CA() if case == "wrong authority" else authority
    name = "elsewhere.example" if case == "wrong name" else "localhost"
    owner = tls_postgres.stat()
    write_certificate(tls_postgres, shown, name, expires=EXPIRED if case == "expired" else None)
    for file in ("ca.pem", "cert.pem", "key.pem"):
        _give(tls_postgres / file, owner.st_uid, owner.st_gid)
    postgres_server.rows("SELECT pg_reload_conf()")
    url = catalog_url.replace("@127.0.0.1:", "@localhost:") + f"?sslrootcert={quote(str(ca))}"
    if _REASONS[case] is None:
        with Catalog.connect(url, connect_timeout_s=5) as catalog:
            assert catalog._session().pgconn.ssl_in_use
            from engine.catalog.children import open_bulk

            bulk = open_bulk(catalog._target)
            with bulk.cursor() as cursor:
                cursor.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                assert cursor.fetchone() == (True,)
            bulk.close()
        return
    with pytest.raises(CatalogError, match=f"(?i){_REASONS[case]}") as caught:
        Catalog.connect(url, connect_timeout_s=5)
    assert (caught.value.code, caught.value.retryable) == ("catalog.refused", False)
    with pytest.raises(CatalogError):
        open_bulk_of(url)


def open_bulk_of(url: str) -> None:
    from engine.catalog.children import open_bulk

    open_bulk(target_of(url, connect_timeout_s=5))


def test_a_catalog_without_tls_is_refused(catalog_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.catalog.target.is_local", lambda host: False)
    with pytest.raises(CatalogError) as caught:
        Catalog.connect(catalog_url, connect_timeout_s=5)
    assert caught.value.code == "catalog.refused"
    assert "sslmode" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "verified"),
    [
        ("postgresql://u:p@localhost/d", False),
        ("postgresql://u:p@127.0.0.1/d", False),
        ("postgresql://u:p@[::1]/d", False),
        ("postgresql:///d?host=/run/postgresql", False),
        ("postgresql:///d", False),
        ("postgresql://u:p@db.example/d", True),
        ("host=10.0.0.1 dbname=d", True),
        ("postgresql://u:p@localhost,db.example/d", True),
    ],
)
def test_a_catalog_elsewhere_has_to_prove_who_it_is(url: str, verified: bool) -> None:
    assert ("sslmode=verify-full" in target_of(url, connect_timeout_s=5).conninfo) is verified


def test_the_catalog_s_url_and_libpq_s_environment_have_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "sslmode=require" in target_of("host=h sslmode=require", connect_timeout_s=5).conninfo
    monkeypatch.setenv("PGSSLMODE", "require")
    assert "sslmode" not in target_of("host=h", connect_timeout_s=5).conninfo
