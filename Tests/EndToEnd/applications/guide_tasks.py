"""Tasks of the shop. The broker is a folder, so that no server is needed."""

import logging
import os

import celery_request_id  # noqa: F401: hands the ID over
from celery import Celery

folder = os.environ["SHOP_BROKER"]
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": folder,
    "data_folder_out": folder,
    "control_folder": folder,
    "polling_interval": 0.05,
}
app.conf.task_ignore_result = True
logger = logging.getLogger("shop")


@app.task
def pack(nonce):
    logger.info("packing %s", nonce)
    (send.si(nonce) | thank.si(nonce)).delay()


@app.task(bind=True, max_retries=1)
def send(self, nonce):
    logger.info("sending %s, try %d", nonce, self.request.retries)
    if self.request.retries == 0:
        raise self.retry(countdown=0)


@app.task
def thank(nonce):
    note.apply(args=[nonce])
    logger.info("thanked for %s", nonce)


@app.task
def note(nonce):
    logger.info("noted %s", nonce)


@app.task
def tidy(nonce):
    logger.info("tidied for nobody %s", nonce)
