"""Views that write lines with the request's nonce, in every place where a line may be written."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from channels.layers import get_channel_layer
from django.http import HttpResponse, StreamingHttpResponse

from request_id import request_id
from thread_request_id import start_thread, submit

logger = logging.getLogger("shop")
pool = ThreadPoolExecutor(2)


def work(request, nonce):
    logger.info("began %s", nonce)
    time.sleep(0.01)
    logger.info("ended %s", nonce)
    return HttpResponse(nonce)


async def async_work(request, nonce):
    logger.info("began %s", nonce)
    await asyncio.sleep(0.01)
    await asyncio.gather(*(asyncio.create_task(in_task(nonce)) for _ in range(2)))
    logger.info("ended %s", nonce)
    return HttpResponse(nonce)


async def in_task(nonce):
    await asyncio.sleep(0.005)
    logger.info("in a task %s", nonce)


def stream(request, nonce):
    def parts():
        for number in range(3):
            logger.info("part %d of %s", number, nonce)
            time.sleep(0.005)
            yield nonce

    return StreamingHttpResponse(parts())


async def async_stream(request, nonce):
    async def parts():
        for number in range(3):
            logger.info("part %d of %s", number, nonce)
            await asyncio.sleep(0.005)
            yield nonce

    return StreamingHttpResponse(parts())


def threads(request, nonce):
    start_thread(logger.info, "in a thread %s", nonce).join()
    submit(pool, logger.info, "in a pool %s", nonce).result()
    # Nothing is handed over to these lines: they may have no ID at all.
    pool.submit(logger.info, "apart from %s", nonce[::-1]).result()
    return HttpResponse(nonce)


def fail(request, nonce):
    raise RuntimeError("on purpose")


async def async_fail(request, nonce):
    raise RuntimeError("on purpose")


async def announce(request, nonce):
    logger.info("announcing %s", nonce)
    message = {"type": "announced", "by": request_id.get()}
    await get_channel_layer().group_send("everyone", message)
    return HttpResponse(nonce)


def order(request, nonce):
    from guide_tasks import pack

    logger.info("ordered %s", nonce)
    pack.delay(nonce)
    return HttpResponse(nonce)
