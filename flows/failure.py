"""The failure of a stage, known to the command line without Prefect, whose import takes seconds."""


class StageFailed(Exception):
    """A stage ended with an error; the message is what it said last."""

    def __init__(self, stage: str, message: str, code: int) -> None:
        super().__init__(message)
        self.stage, self.message, self.code = stage, message, code
