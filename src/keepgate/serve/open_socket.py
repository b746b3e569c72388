"""The socket, opened before anything else is loaded: a port in use is said at once, as an error of ours."""

import socket

from ..errors import SettingsError


def open_socket(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free.

    Raises SettingsError if the port is in use or may not be used, or the host is no address of this machine.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as fault:
        raise SettingsError(
            f"--host is {host!r}, which is no address: {_said(fault)}; 127.0.0.1 is this machine"
        ) from fault
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as fault:
        listening.close()
        raise SettingsError(
            f"the page cannot be served at {host} port {port}: {_said(fault)}; give another with --port, or "
            "--port 0 for any that is free"
        ) from fault
    return listening


def _said(fault: Exception) -> str:
    text = getattr(fault, "strerror", None) or str(fault)
    return text[:1].lower() + text[1:]
