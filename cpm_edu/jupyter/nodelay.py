"""TCP_NODELAY for the connections of a tornado WebSocketHandler."""

from __future__ import annotations

import functools
import logging

__all__ = ["send_without_delay"]


def send_without_delay(handler: type) -> None:
    """Make every connection that a handler opens from now on send at once. A second call changes nothing.

    Args:
        handler: a subclass of tornado's WebSocketHandler; its `open` may be a coroutine function or not.
    """
    wait_and_send = handler.open
    if getattr(wait_and_send, "sends_at_once", False):
        return

    @functools.wraps(wait_and_send)
    def open_at_once(self, *args, **kwargs):
        try:
            self.set_nodelay(True)
        except Exception as error:  # a connection that waits is better than none
            logging.getLogger(__name__).debug("TCP_NODELAY could not be set: %s", error)
        return wait_and_send(self, *args, **kwargs)

    open_at_once.sends_at_once = True
    handler.open = open_at_once
