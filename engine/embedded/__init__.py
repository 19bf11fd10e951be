"""Private database servers below `.local/`, for whoever configured none: started on first use, reused afterwards."""

from engine.embedded.servers import ServerStatus, ServerUrls, admin_urls, clean, ensure, status, stop

__all__ = ["ServerStatus", "ServerUrls", "admin_urls", "clean", "ensure", "status", "stop"]
