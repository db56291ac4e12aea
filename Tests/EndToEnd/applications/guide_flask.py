"""A site on the guide's Flask application."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from flask import Response, abort
from flask_request_id import app
from thread_request_id import start_thread, submit

logger = logging.getLogger("shop")
pool = ThreadPoolExecutor(2)


@app.get("/job/<nonce>")
def work(nonce):
    logger.info("began %s", nonce)
    time.sleep(0.01)
    logger.info("ended %s", nonce)
    return nonce


@app.get("/stream/<nonce>")
def stream(nonce):
    def parts():
        for number in range(3):
            logger.info("part %d of %s", number, nonce)
            time.sleep(0.005)
            yield nonce

    return Response(parts())


@app.get("/threads/<nonce>")
def threads(nonce):
    start_thread(logger.info, "in a thread %s", nonce).join()
    submit(pool, logger.info, "in a pool %s", nonce).result()
    # Nothing is handed over to these lines: they may have no ID at all.
    pool.submit(logger.info, "apart from %s", nonce[::-1]).result()
    return nonce


@app.get("/fail/<nonce>")
def fail(nonce):
    time.sleep(0.01)
    raise RuntimeError("on purpose")


@app.get("/refuse/<nonce>")
def refuse(nonce):
    logger.warning("refused %s", nonce)
    abort(403)
