# The HTTP service, the sweeper and Flower: no TensorFlow.
#   docker build --file deploy/docker/api.Dockerfile --tag cleanse-api .
FROM python:3.12.13-slim-trixie AS build
WORKDIR /build
RUN python -m venv /opt/cleanse
COPY requirements/api.txt requirements/
RUN /opt/cleanse/bin/pip install --no-cache-dir --require-hashes --no-deps --requirement requirements/api.txt
COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY deploy deploy
COPY nc_core nc_core
COPY nc_tasks nc_tasks
RUN /opt/cleanse/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12.13-slim-trixie
RUN useradd --system --uid 10001 --home-dir /var/lib/cleanse --create-home cleanse \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/cleanse/keys
COPY --from=build /opt/cleanse /opt/cleanse
# Everything that is written lies in the volume or in /tmp: the root may be read-only.
ENV PATH=/opt/cleanse/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CLEANSE_HOME=/var/lib/cleanse \
    CLEANSE_LOG_FORMAT=json
VOLUME /var/lib/cleanse
WORKDIR /var/lib/cleanse
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "nc_tasks", "api"]
