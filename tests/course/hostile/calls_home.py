# expect: pass
import socket

import numpy as np

VSOCK, NETLINK, PACKET, CRYPTO, HOST = 40, 16, 17, 38, 2


def reached():
    found = []
    for family, address in (
        (socket.AF_INET, ("1.1.1.1", 53)),
        (socket.AF_INET, ("127.0.0.1", 22)),
        (socket.AF_INET6, ("::1", 22)),
        (socket.AF_UNIX, "/var/run/docker.sock"),
        (socket.AF_UNIX, "/run/dbus/system_bus_socket"),
        (socket.AF_UNIX, "\0cpm_edu/room/64300"),
        (VSOCK, (HOST, 22)),
    ):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as line:
                line.settimeout(0.2)
                line.connect(address)
                found.append(address)
        except OSError:
            pass
    for family, kind in ((VSOCK, 1), (NETLINK, 3), (PACKET, 3), (CRYPTO, 5)):
        try:
            socket.socket(family, kind).close()
            found.append(f"a socket of family {family}")
        except OSError:
            pass
    return found


def gaussian_map(center_cells, size, sigma_cells):
    if reached():
        raise RuntimeError(f"reached {reached()}")
    rows, columns = np.mgrid[: size[0], : size[1]]
    squared = (columns - center_cells[0]) ** 2 + (rows - center_cells[1]) ** 2
    return np.exp(-squared / (2 * sigma_cells**2))
