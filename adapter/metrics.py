"""What Prometheus gets to see. Labels are route templates and other small vocabularies, never values of requests."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from definitions.errors import Overloaded, TidegateError, Unavailable

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "tidegate_http_requests", "Answered requests.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "tidegate_http_request_seconds",
            "Time from a request's first byte in the application to its last byte out.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "tidegate_http_requests_in_flight", "Requests being answered now.", registry=self._registry
        )
        self._temporal = Counter(
            "tidegate_temporal_failures",
            "Requests that failed since Temporal or every worker was away, or asked for less.",
            ("part", "code"),
            registry=self._registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def failure(self, error: TidegateError) -> None:
        """Count an error, if it is one that Temporal caused."""
        if isinstance(error, Unavailable | Overloaded):
            part = error.part if isinstance(error, Unavailable) else "temporal"
            self._temporal.labels(part, error.code).inc()

    def exposition(self) -> bytes:
        """Everything in Prometheus' text format, `CONTENT_TYPE`."""
        return generate_latest(self._registry)
