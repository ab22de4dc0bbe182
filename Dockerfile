# Footfall's programs: gateway, flow, jobs and the command line. Built from the repository alone:
#   docker build -t footfall:0.1.0 .
FROM python:3.12.8-slim-bookworm AS build
RUN python -m venv /opt/footfall
COPY requirements-run.txt /src/
RUN /opt/footfall/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /src/requirements-run.txt
# setuptools builds the package itself; it is not part of what runs.
RUN python -m pip install --no-cache-dir --disable-pip-version-check setuptools==84.2.1 wheel==0.45.1
COPY pyproject.toml README.md LICENSE /src/
COPY footfall /src/footfall
COPY cli /src/cli
COPY ingest_gateway /src/ingest_gateway
COPY eventlog /src/eventlog
COPY flows /src/flows
COPY sinks /src/sinks
COPY jobs /src/jobs
COPY queries /src/queries
COPY embedded /src/embedded
COPY control /src/control
COPY objects /src/objects
COPY telemetry /src/telemetry
COPY backup /src/backup
COPY installations /src/installations
COPY micro /src/micro
RUN python -m pip wheel --no-deps --no-build-isolation --no-cache-dir -w /dist /src
RUN /opt/footfall/bin/pip install --no-deps --no-cache-dir --disable-pip-version-check --no-index --find-links /dist footfall

FROM python:3.12.8-slim-bookworm
RUN groupadd --gid 10001 footfall \
    && useradd --uid 10001 --gid footfall --home-dir /var/lib/footfall --no-create-home --shell /usr/sbin/nologin footfall \
    && install -d -o footfall -g footfall -m 0700 /var/lib/footfall
COPY --from=build /opt/footfall /opt/footfall
ENV PATH=/opt/footfall/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FOOTFALL_DATA_DIR=/var/lib/footfall
USER 10001:10001
WORKDIR /var/lib/footfall
ENTRYPOINT ["footfall"]
CMD ["--help"]
