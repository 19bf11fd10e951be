"""Private database servers below `.local/`, for whoever configured none: started on first use, reused afterwards."""

from engine.embedded.postgres import hang_up
from engine.embedded.servers import (
    KnownServer,
    ServerStatus,
    ServerUrls,
    admin_urls,
    are_up,
    clean,
    ensure,
    further_database,
    known,
    status,
    stop,
)

__all__ = [
    "KnownServer",
    "ServerStatus",
    "ServerUrls",
    "admin_urls",
    "are_up",
    "clean",
    "ensure",
    "further_database",
    "hang_up",
    "known",
    "status",
    "stop",
]
