"""Tags what Sentry gets with the ID of the request in which it happened."""

import sentry_sdk

from request_id import request_id


def add_request_id(event, hint):
    event.setdefault("tags", {})["request_id"] = request_id.get()
    return event


# The address of the project is in the environment, as SENTRY_DSN.
sentry_sdk.init(before_send=add_request_id, before_send_transaction=add_request_id)
