"""The cause within a library's error: Keras and AutoGraph wrap it in lines about where it came up."""

import re
from collections.abc import Iterator

MOST = 300  # characters
RAISED = re.compile(r"^(?:[A-Za-z_]\w*\.)*(\w*(?:Error|Exception|Exit|Interrupt))\s*: (.+)$")
AROUND = re.compile(
    r"^(exception encountered when calling|in user code|file \"|call arguments received|arguments received by|• |"
    r"node: |detected at node|traceback \(most recent|\[\[\{\{node|\[op:|stack trace for)",
    re.IGNORECASE,
)
WITHIN = "Exception encountered: "  # behind all that a layer was to be made of
CALLED = re.compile(r"calling layer ['\"]([^'\"]+)['\"] \(type (\w+)\)")


def cause_of(error: BaseException) -> tuple[str, str]:
    """Return the kind of what went wrong within and its sentence, without a full stop: ``TypeError``, ``no tensor``.

    Args:
        error: as a library raised it.
    """
    kind, lines = type(error).__name__, [line for line in _lines(error) if line]
    raised = [found for line in lines if (found := RAISED.match(line))]
    if raised:
        kind, said = raised[-1][1], raised[-1][2]
    else:
        said = " ".join(line for line in lines if not AROUND.match(line)) or "no reason"
    said = said.rpartition(WITHIN)[2].strip()
    if len(said) > MOST:
        said = f"{said[:MOST].rpartition(' ')[0]} …"
    return kind, said.rstrip(".")


def layer_of(error: BaseException) -> str:
    """Return the innermost layer that an error of Keras names, as ``mixer (Mixer)``; empty where it names none.

    Args:
        error: that was raised while a network was made or called.
    """
    found = CALLED.findall(str(error))
    return f"{found[-1][0]} ({found[-1][1]})" if found else ""


def _lines(error: BaseException) -> Iterator[str]:
    """Give the lines of the message up to those about what the layer was called with."""
    for line in str(error).splitlines():
        text = line.strip()
        if text.lower().startswith(("call arguments received", "arguments received by")):
            return
        yield text
