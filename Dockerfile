# syntax=docker/dockerfile:1
# Two stages: one that builds the environment from the pinned, hashed lock file, one that only runs it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN apt-get update && apt-get install --yes --no-install-recommends gcc g++ && rm -rf /var/lib/apt/lists/*
COPY requirements.lock ./
RUN python -m venv /app/.venv && /app/.venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY guards guards
COPY brain brain
COPY proxy proxy
RUN /app/.venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 chaperone && mkdir /data && chown chaperone /data
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
COPY rules rules
COPY training_data training_data
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 CHAPERONE_HOST=0.0.0.0 CHAPERONE_PORT=8080 CHAPERONE_DATA=/data
USER chaperone
VOLUME ["/data", "/app/rules"]
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
# Persona service and proxy; `docker run … proxy --upstream URL` puts the proxy alone in front of another model.
ENTRYPOINT ["chaperone"]
CMD ["up"]
