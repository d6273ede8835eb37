"""Forks the helper. Imports no more than the helper itself, so that both stay small."""

import os

from dusk.helper.pipe import become_helper


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
        become_helper(root, requests, answers)
    os.close(requests)
    os.close(answers)
    return pid, from_helper, to_helper
