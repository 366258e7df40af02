"""A Jupyter server extension: answers of the kernel reach the browser without waiting for one another.

The server writes each of a kernel's small messages to the browser's socket as it comes. By default the system holds the
second one back until the first is acknowledged (Nagle's algorithm), and the browser delays that acknowledgement: about
40 ms for everything that is dragged. TCP_NODELAY switches the waiting off. Measured in docs/latency.md.

Enabled by cpm_edu.json, which setup.py puts where Jupyter looks for such files; `jupyter server extension list` shows
it, `jupyter server extension disable cpm_edu.jupyter` switches it off. Nothing here imports torch.
"""

from __future__ import annotations

from .nodelay import send_without_delay

__all__ = ["send_without_delay"]


def _jupyter_server_extension_points() -> list[dict]:
    return [{"module": "cpm_edu.jupyter"}]


def _load_jupyter_server_extension(server_app) -> None:
    """Called by the server at its start. What goes wrong here must not keep it from starting."""
    try:
        from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

        send_without_delay(KernelWebsocketHandler)
    except Exception as error:  # another jupyter_server: figures work, only slower
        server_app.log.info("cpm_edu: kernel messages keep their delay (%s: %s)", type(error).__name__, error)
        return
    server_app.log.info("cpm_edu: kernel messages are sent without delay (TCP_NODELAY)")
