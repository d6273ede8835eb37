"""All parsers of outside bytes that are fuzzed."""

from tests.fuzz import (
    athome,
    branches,
    checkpoints,
    helper,
    local,
    nodes,
    packages,
    pages,
    questions,
    requests,
    secret_keys,
    shells,
    texts,
    trust,
    wire,
)
from tests.fuzzing import Target

TARGETS: tuple[Target, ...] = (
    *wire.TARGETS,
    *local.TARGETS,
    requests.TARGET,
    *texts.TARGETS,
    *shells.TARGETS,
    *nodes.TARGETS,
    *branches.TARGETS,
    *checkpoints.TARGETS,
    *secret_keys.TARGETS,
    *trust.TARGETS,
    *athome.TARGETS,
    *questions.TARGETS,
    *packages.TARGETS,
    *pages.TARGETS,
)
BY_NAME = {target.name: target for target in (*TARGETS, helper.TARGET)}
"""The same for the long run, and the one that a test of its own feeds otherwise."""
assert len(BY_NAME) == len(TARGETS) + 1, "a target is found by its name"
