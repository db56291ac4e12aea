"""Hands the ID over to Celery's tasks. To be imported where the Celery application is made."""

import logging.config

from celery import signals

from request_id import LOGGING, request_id


@signals.before_task_publish.connect
def send_request_id(headers, **_):
    headers["request_id"] = request_id.get()


@signals.task_prerun.connect
def take_request_id(task, **_):
    # A task that is called directly works in its caller's context.
    if not task.request.is_eager:
        request_id.set(task.request.get("request_id") or "none")


@signals.task_postrun.connect
def drop_request_id(task, **_):
    if not task.request.is_eager:
        request_id.set("none")


@signals.setup_logging.connect
def set_up_logging(**_):
    logging.config.dictConfig(LOGGING)
