#!/bin/sh
# What the container image runs: `system`, everything on the embedded Postgres in one container; or a service by its name
# (`tools [serve | migrate]`), `gateway`, `mcp`, `web`, `keys` (makes keys of services), or `health` of whichever of them runs.
set -eu

# The services are the folders that the image has.
services() {
  for entry in "$(dirname "$(command -v python)")"/../lib/python3*/site-packages/services/*/__main__.py; do
    basename "$(dirname "$entry")"
  done
}

health() {
  case "$1" in
    gateway | system) exec python -m servicekit.probe "http${QMCP_TLS_CERTIFICATE_FILE:+s}://127.0.0.1:${QMCP_PORT:-3333}/ready" ;;
    web) exec python -m servicekit.probe "http://127.0.0.1:${QMCP_WEB_PORT:-3380}/docs" ;;
    mcp) exec python -m servicekit.probe "http://127.0.0.1:${QMCP_MCP_PORT:-3381}/health" ;;
    *) exec python -m servicekit.probe "127.0.0.1:${QMCP_GRPC_HEALTH_PORT:-${QMCP_GRPC_PORT:-50051}}" ;;
  esac
}

what=${1:-system}
[ "$#" -eq 0 ] || shift
case "$what" in
  # Callers need a key, as others reach a published port: the first start makes one and shows it in the log, once.
  system)
    export QMCP_AUTH="${QMCP_AUTH:-on}" QMCP_HOME="${QMCP_HOME:-/var/lib/qmcp}"
    exec python -m devstack serve --show-key "$@"
    ;;
  gateway) exec python -m gateway.envoy "$@" ;;
  mcp) exec python -m gateway.mcp "$@" ;;
  web) exec python -m gateway.web "$@" ;;
  keys) exec python -m devstack.keys "$@" ;;
  # Without a name: the first process tells it, as Docker's HEALTHCHECK is the same for all that the image runs.
  health)
    if [ "$#" -eq 0 ]; then
      case "$(tr '\0' ' ' </proc/1/cmdline)" in
        *gateway.envoy* | *devstack*) set -- gateway ;;
        *gateway.mcp*) set -- mcp ;;
        *gateway.web*) set -- web ;;
        *) set -- service ;;
      esac
    fi
    health "$1"
    ;;
  *)
    for service in $(services); do
      [ "$service" != "$what" ] || exec python -m "services.$what" "$@"
    done
    echo "qmcp: '$what' is nothing that this image runs; it runs" $(services | sed 's/$/,/') "system, gateway, mcp, web, keys and health." >&2
    exit 64
    ;;
esac
