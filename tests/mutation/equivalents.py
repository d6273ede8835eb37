"""Mutants that change nothing that anybody could see, each with the reason why."""

EQUIVALENTS: dict[str, str] = {}
"""Id of the mutant → why no test can notice it."""
