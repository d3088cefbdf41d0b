"""`python -m devstack serve [--host H] [--port P] [--reload]`, `status` and `settings`."""

import argparse
import sys

from devstack import serving, settings
from devstack.errors import CannotRunError


def main() -> int:
    """Runs the command and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m devstack", description="The whole system on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="start everything and stay until Ctrl-C")
    serve.add_argument("--host", help="where the edge listens (QMCP_HOST, 127.0.0.1)")
    serve.add_argument("--port", help="the edge's port (QMCP_PORT, 3333)")
    serve.add_argument("--show-key", action="store_true", help="say the admin key at the start that makes it")
    serve.add_argument("--reload", action="store_true", help="restart the services when their code changes")
    commands.add_parser("status", help="what runs from this home folder, and whether it is well")
    commands.add_parser("settings", help="what `serve` would go by, as JSON")
    arguments = parser.parse_args()
    variables = settings.environment()
    try:
        if arguments.command == "status":
            return serving.status(settings.read(variables))
        if arguments.command == "settings":
            return serving.settings_of(settings.read(variables))
        chosen = {"QMCP_HOST": arguments.host, "QMCP_PORT": arguments.port}
        variables.update({name: value for name, value in chosen.items() if value})
        return serving.serve(settings.read(variables), variables, reload=arguments.reload, show_key=arguments.show_key)
    except CannotRunError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the command's answer
        return 1
    except KeyboardInterrupt:
        # Before there was anything to stop.
        return 130


if __name__ == "__main__":
    sys.exit(main())
