"""A site whose failures are sent to Sentry."""

import time

import sentry_request_id  # noqa: F401: before the framework, as Sentry asks for
from flask_request_id import app


@app.get("/fail/<nonce>")
def fail(nonce):
    time.sleep(0.01)
    raise RuntimeError(nonce)
