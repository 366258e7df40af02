"""The Jupyter server extension: real sockets lose their delay, and nothing it meets keeps a server from starting."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

import cpm_edu.jupyter
from cpm_edu.jupyter import send_without_delay

ROOT = Path(__file__).parents[1]


class Plain(WebSocketHandler):
    """Tells its visitor the socket's TCP_NODELAY."""

    def open(self):
        stream = self.ws_connection.stream
        self.write_message(str(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))


class Awaited(Plain):
    async def open(self):
        await asyncio.sleep(0)
        super().open()


def told_by(handler: type) -> str:
    """What a handler on a real socket says of itself."""

    async def visit() -> str:
        listening, port = bind_unused_port()
        server = HTTPServer(Application([("/", handler)]))
        server.add_sockets([listening])
        client = await websocket_connect(f"ws://127.0.0.1:{port}/")
        told = await client.read_message()
        client.close()
        server.stop()
        await server.close_all_connections()
        return told

    return asyncio.run(asyncio.wait_for(visit(), 20))


@pytest.mark.parametrize("base", [Plain, Awaited])
def test_a_socket_has_a_delay_and_loses_it(base):
    handler = type("Kernel", (base,), {"open": base.open})
    assert told_by(handler) == "0", "without the extension the system waits"
    send_without_delay(handler)
    assert int(told_by(handler)) > 0


def test_twice_is_as_once():
    handler = type("Kernel", (Plain,), {})
    send_without_delay(handler)
    once = handler.open
    send_without_delay(handler)
    assert handler.open is once


def test_a_socket_that_cannot_is_opened_all_the_same():
    class Stubborn(Plain):
        def set_nodelay(self, value):
            raise OSError("no such option")

    send_without_delay(Stubborn)
    assert told_by(Stubborn) == "0"


@pytest.fixture
def server_app(caplog):
    caplog.set_level(logging.INFO)
    return SimpleNamespace(log=logging.getLogger("server"))


@pytest.fixture
def kernel_handler(monkeypatch):
    """jupyter_server's handler, as it was before and will be after the test."""
    websocket = pytest.importorskip("jupyter_server.services.kernels.websocket")
    monkeypatch.setattr(websocket.KernelWebsocketHandler, "open", websocket.KernelWebsocketHandler.open)
    return websocket.KernelWebsocketHandler


def test_the_kernels_handler_is_found_and_changed(server_app, kernel_handler, caplog):
    cpm_edu.jupyter._load_jupyter_server_extension(server_app)
    assert kernel_handler.open.sends_at_once
    assert "without delay" in caplog.text


def test_another_jupyter_server_starts_all_the_same(server_app, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "jupyter_server.services.kernels.websocket", None)
    cpm_edu.jupyter._load_jupyter_server_extension(server_app)
    assert "keep their delay" in caplog.text


def test_the_file_that_enables_it_is_installed():
    code = (
        "import json, sys\n"
        "from distutils.core import run_setup\n"
        "setup = run_setup('setup.py', stop_after='init')\n"
        "print(json.dumps(setup.data_files))"
    )
    run = subprocess.run([sys.executable, "-c", "import setuptools\n" + code], cwd=ROOT, capture_output=True, text=True)  # fmt: skip
    assert run.returncode == 0, run.stderr
    [[folder, [name]]] = json.loads(run.stdout)
    assert folder == "etc/jupyter/jupyter_server_config.d"
    enabled = json.loads((ROOT / name).read_text())["ServerApp"]["jpserver_extensions"]
    [point] = cpm_edu.jupyter._jupyter_server_extension_points()
    assert enabled == {point["module"]: True}


def test_a_server_need_not_load_torch_for_it():
    code = "import sys, cpm_edu.jupyter; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr
