"""`python -m servicekit.probe HOST:PORT [SERVICE]` asks a gRPC service for its health, `… http(s)://…` a page.

For health checks in images that have no curl; 0 when it serves, 1 when it does not, with the reason on stderr.
"""

import argparse
import ssl
import sys
import urllib.error
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING


def of_grpc(target: str, service: str, seconds: float) -> str:
    """Why the service does not serve; empty when it does."""
    with grpc.insecure_channel(target, options=[("grpc.enable_http_proxy", 0)]) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=seconds)
        except grpc.RpcError as error:
            return f"{error.code().name}: {error.details()}"
    return "" if answer.status == SERVING else str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def of_page(url: str, seconds: float) -> str:
    """Why the page does not answer with 200; empty when it does."""
    # The certificate is for the name that others call it by; here it is asked by those who started it.
    unchecked = ssl._create_unverified_context()  # noqa: S323, SLF001 - the standard library's own short form
    # A proxy of the environment does not know this container.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked)
    )
    try:
        with opener.open(url, timeout=seconds) as answer:
            return "" if answer.status == 200 else f"status {answer.status}"  # noqa: PLR2004 - HTTP's OK
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}: {error.read(500).decode(errors='replace')}"
    except OSError as error:
        return str(error)


def main(arguments: list[str]) -> int:
    """Asks once and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m servicekit.probe")
    parser.add_argument("target", help="HOST:PORT of a gRPC service, or the http(s):// address of a page")
    parser.add_argument("service", nargs="?", default="", help="a name that the health service knows; none: readiness")
    parser.add_argument("--timeout", type=float, default=2, help="seconds (default 2)")
    asked = parser.parse_args(arguments)
    if asked.target.startswith(("http://", "https://")):
        fault = of_page(asked.target, asked.timeout)
    else:
        fault = of_grpc(asked.target, asked.service, asked.timeout)
    if fault:
        print(f"{asked.target} does not serve: {fault}", file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
