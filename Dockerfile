# One image for everything that is ours; its first argument picks what runs: a service by its name, `gateway` (Envoy),
# `mcp` or `web`. Without one it is everything, on the embedded Postgres; the log of the first start shows the key to call it with:
#
#   docker run -p 3333:3333 -v qmcp:/var/lib/qmcp qmcp:0.2.0
#
#   docker build -t qmcp:0.2.0 .
#   docker build --target sbom --output type=local,dest=. .      the software bill of materials, qmcp.cdx.json
ARG PYTHON=python:3.13.13-slim-trixie

FROM ${PYTHON} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv --without-pip /opt/qmcp
COPY requirements-run.lock /src/
# Wheels only: nothing is compiled, so no stage has a compiler. Every file has the hash that the lock names.
RUN pip --python /opt/qmcp/bin/python install --require-hashes --only-binary=:all: -r /src/requirements-run.lock

FROM packages AS application
COPY k8s/image/build.lock /src/k8s/image/
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --require-hashes --only-binary=:all: -r /src/k8s/image/build.lock
COPY pyproject.toml README.md LICENSE /src/
COPY gen /src/gen
COPY client /src/client
COPY servicekit /src/servicekit
COPY services /src/services
COPY gateway /src/gateway
COPY devstack /src/devstack
WORKDIR /src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/qmcp/bin/python install --no-deps --no-index /wheels/*.whl
WORKDIR /
RUN /opt/qmcp/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/qmcp/lib

FROM application AS inventory
RUN python -m venv /opt/inventory \
 && /opt/inventory/bin/pip install --only-binary=:all: cyclonedx-bom==7.5.0 \
 && /opt/inventory/bin/cyclonedx-py environment --output-reproducible --output-file /qmcp.cdx.json /opt/qmcp/bin/python

FROM scratch AS sbom
COPY --from=inventory /qmcp.cdx.json /

FROM ${PYTHON} AS image
LABEL org.opencontainers.image.title="qmcp" \
      org.opencontainers.image.description="The self-hosted back end that AI agents work against" \
      org.opencontainers.image.version="0.2.0"
# A number, by which Kubernetes can tell that it is not root; the name is for Postgres, which looks its own up. It owns the
# folders that volumes are mounted at, and nothing else; the root may be read-only, with /tmp in memory.
RUN useradd --uid 10001 --home-dir /var/lib/qmcp --no-create-home --shell /usr/sbin/nologin qmcp
RUN install -d -o 10001 -g 10001 -m 0750 /var/lib/qmcp
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/qmcp-services
COPY --from=application /opt/qmcp /opt/qmcp
COPY --chmod=0755 k8s/image/entrypoint.sh /usr/local/bin/qmcp-entrypoint
ENV PATH=/opt/qmcp/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    QMCP_HOST=0.0.0.0 QMCP_PORT=3333
USER 10001:10001
WORKDIR /var/lib/qmcp
EXPOSE 3333
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 CMD ["qmcp-entrypoint", "health"]
ENTRYPOINT ["qmcp-entrypoint"]
CMD ["system"]
