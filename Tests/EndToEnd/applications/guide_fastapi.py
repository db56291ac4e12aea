"""A site on the guide's FastAPI application."""

import asyncio
import logging
import time

from fastapi import BackgroundTasks
from fastapi.responses import StreamingResponse
from fastapi_request_id import app
from fastapi_request_id import application as application

logger = logging.getLogger("shop")


@app.get("/job/{nonce}")
def work(nonce: str):
    logger.info("began %s", nonce)
    time.sleep(0.01)
    logger.info("ended %s", nonce)
    return nonce


@app.get("/async-work/{nonce}")
async def async_work(nonce: str):
    logger.info("began %s", nonce)
    await asyncio.gather(*(asyncio.create_task(in_task(nonce)) for _ in range(2)))
    logger.info("ended %s", nonce)
    return nonce


async def in_task(nonce):
    await asyncio.sleep(0.005)
    logger.info("in a task %s", nonce)


@app.get("/background/{nonce}")
async def background(nonce: str, tasks: BackgroundTasks):
    tasks.add_task(after_the_response, nonce)
    tasks.add_task(in_thread_after_the_response, nonce)
    return nonce


async def after_the_response(nonce):
    await asyncio.sleep(0.02)
    logger.info("in the background of %s", nonce)


def in_thread_after_the_response(nonce):
    logger.info("in a thread in the background of %s", nonce)


@app.get("/async-stream/{nonce}")
async def stream(nonce: str):
    async def parts():
        for number in range(3):
            logger.info("part %d of %s", number, nonce)
            await asyncio.sleep(0.005)
            yield nonce

    return StreamingResponse(parts())


@app.get("/async-fail/{nonce}")
async def fail(nonce: str):
    raise RuntimeError("on purpose")
