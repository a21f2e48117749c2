"""Arrays whose type of numbers is not known before a program runs."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
