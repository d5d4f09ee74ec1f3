# Adapter and worker are one image: `tidegate serve` (the default) and `tidegate worker`. It has Deno, for workflows that
# are code, and a driver for PostgreSQL, for those that query one.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/build.txt requirements/image.txt requirements/
RUN python -m venv /build && /build/bin/pip install --require-hashes -r requirements/build.txt
RUN python -m venv /opt/tidegate && /opt/tidegate/bin/pip install --require-hashes -r requirements/image.txt
COPY pyproject.toml README.md LICENSE ./
COPY definitions definitions
COPY worker worker
COPY adapter adapter
COPY tidegate tidegate
RUN /build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
    && /opt/tidegate/bin/pip install --no-deps --no-index /wheels/*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home tidegate
COPY --from=build /opt/tidegate /opt/tidegate
ENV PATH=/opt/tidegate/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TIDEGATE_HOST=0.0.0.0 \
    TIDEGATE_PORT=8080
USER 10001
WORKDIR /home/tidegate
EXPOSE 8080
# For the adapter; a worker's container has `tidegate worker --check` in its place.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 CMD ["tidegate", "serve", "--check"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidegate"]
CMD ["serve"]
