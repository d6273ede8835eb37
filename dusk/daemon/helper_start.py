"""Forks the helper. Imports next to nothing, so that it and the daemon stay small."""

import os


def start_helper(root: str) -> tuple[int, int, int]:
    """Fork the helper; call it while the process is a bare Python, so that it stays as small.

    Args:
        root: the folder that all its paths are below, absolute.

    Returns:
        Its process id, the descriptor to read answers from and the one to write requests to.
        It ends when the latter is closed.
    """
    requests, to_helper = os.pipe()
    from_helper, answers = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            from dusk.helper.pipe import become_helper  # here: the daemon has no use for it (P6)

            become_helper(root, requests, answers)
        finally:  # whatever happens, there is no second daemon
            os._exit(1)
    os.close(requests)
    os.close(answers)
    return pid, from_helper, to_helper
