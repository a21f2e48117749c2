"""Every error that slimline raises on purpose.

::

    SlimlineError
    ├── ConfigError          params.yaml or the command line asks for something that cannot be (exit code 2)
    │   ├── NotInstalled     it asks for an extra of slimline that is not installed
    │   └── Usage            the command line is not what the command takes
    ├── DataError            the data cannot be used
    │   ├── SourceError      the source is missing, empty or unreachable
    │   └── UnfitError       nothing can be trained on what the source holds (exit code 66)
    │       └── RefusedError too many samples of it are unusable
    ├── TrainingError        the model cannot be built or trained
    ├── ConversionError      a file does not compute what the model that it was made of computes
    ├── CompressionError     a recipe could not be carried out
    │   ├── PromiseBroken    a technique's invariant does not hold in what it produced
    │   └── Unsuited         this recipe cannot be made of this network; others may be (exit code 65)
    ├── EvaluationError      a model cannot be measured or compared
    ├── StoreError           the object store does not do what was asked
    │   ├── StoreUnavailable it does not answer: another try may help
    │   ├── NotFound         there is no such object
    │   └── Conflict         somebody else changed the object first
    ├── WebError             a web server does not give what was asked for; stores and sources say it as theirs
    │   ├── WebUnavailable   it does not answer, or too slowly: another try may help
    │   └── WebMissing       there is nothing at the address
    ├── PackingError         what is packed cannot be unpacked
    ├── ReleaseError         a release is missing, incomplete or not what its manifest says
    │   ├── NotStaged        it has not been in staging, where it must have been first
    │   ├── NotApproved      no person has approved it, or one has rejected it
    │   ├── Untrusted        nobody who is trusted has signed it, or it was changed since
    │   └── LedgerError      the ledger of decisions on sealed samples is not what it should be
    │       └── WornOut      the sealed samples can decide nothing any more
    ├── NotifyError          somebody who is to be told cannot be
    │   ├── NotTaken         the receiver does not take the message, and will not
    │   ├── TakenLater       it did not get it; another try may help
    │   └── PerhapsTaken     it may have got it: it was handed over, and no answer came
    └── VersioningError      DVC or git cannot do what was asked

A message says what was expected, then "Received: …", then what to do. Only these are shown to a user without
a traceback; anything else is a defect.
"""

UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h: another try may help
UNUSABLE = 66  # EX_NOINPUT of sysexits.h: another try gives the same, other data may do
UNSUITED = 65  # EX_DATAERR of sysexits.h: another try gives the same, other recipes may do


class SlimlineError(Exception):
    """Base of all errors with a message meant for a user."""

    exit_code = 1


class ConfigError(SlimlineError):
    """The configuration or the command line is wrong."""

    exit_code = 2


class NotInstalled(ConfigError, ModuleNotFoundError):
    """An extra of slimline that is needed is not installed; see :mod:`tasks.extras`."""


class Usage(ConfigError):
    """The command line is not what the command takes."""


class DataError(SlimlineError):
    """The data cannot be used."""


class SourceError(DataError):
    """The source is missing, empty or unreachable."""

    exit_code = UNAVAILABLE


class UnfitError(DataError):
    """Nothing can be trained on what the source holds, however often it is tried."""

    exit_code = UNUSABLE


class RefusedError(UnfitError):
    """More samples are unusable than ``data.max_refused`` allows."""


class TrainingError(SlimlineError):
    """The model cannot be built or trained."""


class ConversionError(SlimlineError):
    """A file does not compute what the model that it was made of computes."""


class CompressionError(SlimlineError):
    """A recipe could not be carried out."""


class PromiseBroken(CompressionError):
    """A technique's invariant does not hold in what it produced."""


class Unsuited(CompressionError):
    """A recipe cannot be made of this network; other recipes may be."""

    exit_code = UNSUITED


class EvaluationError(SlimlineError):
    """A model cannot be measured or compared."""


class StoreError(SlimlineError):
    """The object store does not do what was asked."""


class StoreUnavailable(StoreError):
    """The object store does not answer: another try may help."""

    exit_code = UNAVAILABLE


class NotFound(StoreError):
    """There is no such object in the store."""


class Conflict(StoreError):
    """Somebody else changed the object first."""


class WebError(SlimlineError):
    """A web server does not give what was asked for."""


class WebUnavailable(WebError):
    """A web server does not answer, or too slowly: another try may help."""

    exit_code = UNAVAILABLE


class WebMissing(WebError):
    """There is nothing at the address."""


class PackingError(SlimlineError):
    """Packed content cannot be unpacked: it is damaged, or larger than it may be."""


class ReleaseError(SlimlineError):
    """A release is missing, incomplete or not what its manifest says."""


class NotStaged(ReleaseError):
    """A release is not in staging, where it must have been first."""


class NotApproved(ReleaseError):
    """No person has approved a release that waits for one, or one has rejected it."""


class Untrusted(ReleaseError):
    """Nobody who is trusted has signed a release, or it was changed since."""


class LedgerError(ReleaseError):
    """The ledger of decisions on sealed samples is missing, damaged or does not have what it should."""


class WornOut(LedgerError):
    """The sealed samples can decide nothing any more, or there are none."""


class NotifyError(SlimlineError):
    """Somebody who is to be told of an event cannot be."""


class NotTaken(NotifyError):
    """The receiver of a message does not take it, and will not."""


class TakenLater(NotifyError):
    """The receiver did not get a message; another try may help, after ``seconds`` where it says so."""

    exit_code = UNAVAILABLE

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class PerhapsTaken(NotifyError):
    """The receiver may have got a message: it was handed over, and no answer came."""


class VersioningError(SlimlineError):
    """DVC or git cannot do what was asked."""
