"""`python -m gateway.web` serves the pages; Envoy routes to it."""

import gc

import uvicorn

from gateway.certificates import fault_towards_services
from gateway.settings import WebSettings
from gateway.web.app import application


def main() -> None:
    """Serves until a signal asks for the end. SystemExit where the certificates for the services cannot be used."""
    settings = WebSettings()
    if fault := fault_towards_services(settings):
        raise SystemExit(fault)
    # What was imported stays until the end, which else looks through all of it once more.
    gc.freeze()
    uvicorn.run(
        application(settings),
        host=settings.web_host,
        port=settings.web_port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
