"""keepgate compare: the same story, the same budget, several networks: who remembers?"""

EPILOGUE = """Examples:

  keepgate compare"""


def compare() -> None:
    """Train small networks on stories and show which of them remember."""
