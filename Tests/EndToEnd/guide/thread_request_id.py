"""Threads begin without an ID. These two take it along."""

import contextvars
import threading


def start_thread(work, *arguments):
    """A thread that works for the same request."""
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work, *arguments))
    thread.start()
    return thread


def submit(executor, work, *arguments):
    """A job for a pool of threads, for the same request. One copy is for one job."""
    return executor.submit(contextvars.copy_context().run, work, *arguments)
