"""Failures of S3 servers, told in one way: what was received and what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

FAILURES = (BotoCoreError, ClientError, ResponseParserError)  # all that boto3 raises of its own
BROKEN_OFF = (ResponseStreamingError, IncompleteReadError, ResponseParserError)  # what boto3 does not try again
TRY_LATER = {408, 429, 500, 502, 503, 504}
TRY_LATER_CODES = {"RequestTimeout", "SlowDown", "OperationAborted", "ConditionalRequestConflict"}

BUCKET = "Create the bucket, or mend its name."
RIGHTS = "Give these credentials the rights to list the bucket and to get, put and delete its objects."
CREDENTIALS = "Check the AWS credentials, and that they belong to this endpoint."
REGION = "Set AWS_REGION to the bucket's region."
SIGN_IN = "The credentials have run out: sign in again, or get a new session token."
CLOCK = "Set this machine's clock: S3 refuses requests that are more than 15 minutes off."
DAMAGED = "Check the network: what arrives at the server is not what was sent."
SERVER = "Check that AWS_ENDPOINT_URL is the address of an S3 server."
DEFAULT = "Check AWS_ENDPOINT_URL, AWS_PROFILE, the credentials and the network."
ADVICE = {
    "NoSuchBucket": BUCKET,
    "InvalidBucketName": BUCKET,
    "AccessDenied": RIGHTS,
    "AllAccessDisabled": RIGHTS,
    "403": RIGHTS,
    "InvalidAccessKeyId": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "InvalidToken": CREDENTIALS,
    "ExpiredToken": SIGN_IN,
    "ExpiredTokenException": SIGN_IN,
    "TokenRefreshRequired": SIGN_IN,
    "PermanentRedirect": REGION,
    "TemporaryRedirect": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "IllegalLocationConstraintException": REGION,
    "301": REGION,
    "RequestTimeTooSkewed": CLOCK,
    "RequestExpired": CLOCK,
    "XAmzContentSHA256Mismatch": DAMAGED,
    "BadDigest": DAMAGED,
    "QuotaExceeded": "Make room in the bucket, or have its quota raised.",
    "404": SERVER,
    "405": SERVER,
}


def code_of(error: Exception) -> str:
    """Return S3's name for an error, the status where the server names none; empty where it has not answered.

    Args:
        error: of botocore.
    """
    if not isinstance(error, ClientError):
        return ""
    return str(error.response["Error"].get("Code") or status_of(error))


def status_of(error: Exception) -> int:
    """Return the status of an answer, 0 where there was none.

    Args:
        error: of botocore.
    """
    return int(error.response["ResponseMetadata"].get("HTTPStatusCode", 0)) if isinstance(error, ClientError) else 0


def may_pass(error: Exception) -> bool:
    """Return whether another try may help.

    Args:
        error: of botocore.
    """
    if isinstance(error, ClientError):
        return status_of(error) in TRY_LATER or code_of(error) in TRY_LATER_CODES
    return isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError | ResponseParserError)


def explain(error: Exception) -> str:
    """Return ``Received: … .`` and what to do, as the end of a message.

    Args:
        error: of botocore.
    """
    if not isinstance(error, ClientError):
        received = str(error).strip().rstrip(".").replace("\n", " ")[:500]
        return f"Received: {received}. {_advice_without_answer(error)}"
    code, message = code_of(error), error.response["Error"].get("Message") or ""
    said = f"{code} ({message.strip().rstrip('.')[:300]})" if message not in {"", "None"} else code
    return f"Received: {said} to {error.operation_name}. {_advice(error)}"


def _advice(error: ClientError) -> str:
    if may_pass(error):
        return "The server has a bad moment: try again later."
    advice = ADVICE.get(code_of(error), DEFAULT)
    headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
    details = dict(error.response["Error"])
    if address := headers.get("location"):
        return f"{SERVER[:-1]}: this one sends to {address[:200]}."
    region = details.get("Region") or headers.get("x-amz-bucket-region")
    return f"{advice[:-1]}: {region}." if advice == REGION and region else advice


def _advice_without_answer(error: Exception) -> str:
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
    if isinstance(error, SSOError | TokenRetrievalError):
        return SIGN_IN
    return SERVER if isinstance(error, ResponseParserError) else DEFAULT
