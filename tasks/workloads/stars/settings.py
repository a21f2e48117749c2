"""Settings of predicted ratings in params.yaml: ``data.stars``."""

from typing import ClassVar

from tasks.workloads.ratings.settings import InteractionSettings

STARS = "stars"  # the input that has the ratings of a history


class StarsSettings(InteractionSettings):
    """Settings of rated histories, of which other ratings are predicted."""

    needs_rating: ClassVar[bool] = True
