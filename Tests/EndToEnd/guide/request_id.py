"""The ID of the request that is being worked for, and a log that has it on every line."""

import contextvars
import datetime
import logging

request_id = contextvars.ContextVar("request_id", default="none")


class RequestIDFilter(logging.Filter):
    """Notes the ID on the record, in the thread or task that has written it."""

    def filter(self, record):
        record.request_id = request_id.get()
        return True


class UTCFormatter(logging.Formatter):
    """Writes the time as Waybill does: in UTC, with microseconds."""

    def formatTime(self, record, datefmt=None):
        time = datetime.datetime.fromtimestamp(record.created, datetime.timezone.utc)
        return time.strftime("%Y-%m-%d %H:%M:%S.%f")


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": RequestIDFilter}},
    "formatters": {
        "verbose": {
            "()": UTCFormatter,
            "style": "{",
            "format": "{levelname} {asctime} {module} [req-{request_id}] {message}",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "verbose",
        },
    },
    "loggers": {
        # Uvicorn gives these handlers of their own, which know no ID.
        "uvicorn": {"propagate": True},
        "uvicorn.access": {"propagate": True},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}
