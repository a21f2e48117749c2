"""Lines about a run, for its log and for the terminal."""

from prefect import get_run_logger

from flows.terminal import say
from tasks.text import visible


def tell(topic: str, line: str) -> None:
    """Print a line, and put it into the run's log.

    Args:
        topic: a word for what the line is about.
        line: for a person.
    """
    get_run_logger().info(visible(line))
    say(topic, line)
