"""What can go wrong, one type per thing the caller can do about it.

PenstockError                 has a status, a code and a sentence
├── BadRequest 400            change the request
├── Unauthorized 401          send a valid key
├── Forbidden 403             use a key with the scope
├── LimitReached 429          wait: a rate limit of this gateway
├── BudgetExceeded 429        a budget of this gateway has not enough left
├── CreditExhausted 402       credit paid in beforehand is used up
├── NotFound 404              another model, asset or path
├── MethodNotAllowed 405
├── TooLarge 413              send less
├── Moderated 400             the provider refused the content; never retried, never failed over
├── Unavailable 503           nothing can serve this now
├── DeadlineExceeded 504      allow more time
├── ClientGone 499            nobody is listening
└── ProviderError 502...      the provider failed; `fallback` says whether another may be asked
    ├── RateLimited 429       wait, or ask another
    ├── NoCredit 502          the gateway's account there is empty
    ├── BadCredentials 502    the gateway's key there is wrong
    ├── Rejected 400          the provider refused the request itself
    ├── Unreachable 502       no connection: certainly not submitted
    ├── UpstreamFailed 502    5xx, a failed job
    │   ├── UnusableAnswer    a success that nobody can use: may be charged
    │   └── ConnectionLost    broken off after sending: may be carried out, and charged
    └── UpstreamTimeout 504
"""

from typing import ClassVar


class PenstockError(Exception):
    """The base of everything a caller is told."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        """The request field it is about."""
        self.headers = headers or {}
        """Further response headers, e.g. `retry-after`."""


class BadRequest(PenstockError):
    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class Unauthorized(PenstockError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(PenstockError):
    status = 403
    type = "permission_error"
    code = "forbidden"


class LimitReached(PenstockError):
    """A rate limit of this gateway is reached; `retry-after` is among the headers."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class BudgetExceeded(PenstockError):
    """What a call may cost does not fit into what is left of a budget; nothing was called."""

    status = 429
    type = "insufficient_quota"
    code = "budget_exceeded"


class CreditExhausted(PenstockError):
    """What a call may cost does not fit into the credit paid in beforehand; nothing was called."""

    status = 402
    type = "insufficient_quota"
    code = "insufficient_credits"


class NotFound(PenstockError):
    status = 404
    type = "invalid_request_error"
    code = "not_found"


class MethodNotAllowed(PenstockError):
    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class TooLarge(PenstockError):
    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class Moderated(PenstockError):
    """The provider's moderation refused the prompt or a reference (`input`) or what it made (`output`)."""

    status = 400
    type = "image_generation_user_error"
    code = "content_policy_violation"

    def __init__(self, message: str, *, stage: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.stage = stage
        """`input` or `output`."""
        self.reasons = reasons


class Unavailable(PenstockError):
    status = 503
    type = "service_unavailable"
    code = "no_provider_available"


class DeadlineExceeded(PenstockError):
    status = 504
    type = "timeout_error"
    code = "deadline_exceeded"


class ProviderError(PenstockError):
    """A provider's failure, translated once, in its adapter; the original is the cause."""

    status = 502
    type = "upstream_error"
    code = "upstream_error"
    fallback: bool = True
    """Whether another offer may be asked instead."""
    ambiguous: bool = False
    """Whether the provider may be making, and charging for, what was asked all the same."""
    upstream_status: int | None = None
    """The HTTP status the provider answered with, where it did."""

    @property
    def certain(self) -> bool:
        """Nothing can have been made or charged, and the same provider may do better another time."""
        return False


class RateLimited(ProviderError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        headers = {} if retry_after is None else {"retry-after": str(max(1, round(retry_after)))}
        super().__init__(message, headers=headers)
        self.retry_after = retry_after
        """Seconds, where the provider said."""

    @property
    def certain(self) -> bool:
        return True


class NoCredit(ProviderError):
    code = "provider_out_of_credit"


class BadCredentials(ProviderError):
    code = "provider_key_refused"


class Rejected(ProviderError):
    status = 400
    type = "invalid_request_error"
    code = "rejected_by_provider"
    fallback = False


class Unreachable(ProviderError):
    code = "provider_unreachable"

    @property
    def certain(self) -> bool:
        return True


JOB_FAILED = "provider_job_failed"
"""Code of a job that its provider ended without a result: nothing was made, so another may be asked."""


class UpstreamFailed(ProviderError):
    code = "provider_failed"

    @property
    def certain(self) -> bool:
        return not self.ambiguous and (self.upstream_status is None or self.upstream_status >= 500)


class UpstreamTimeout(ProviderError):
    status = 504
    type = "timeout_error"
    code = "provider_timeout"
    ambiguous = True


class UnusableAnswer(UpstreamFailed):
    """The provider reported success with something nobody can use."""

    ambiguous = True


class ConnectionLost(UpstreamFailed):
    """The request was sent and the connection broke before the answer was complete."""

    code = "provider_connection_lost"
    ambiguous = True


class ClientGone(PenstockError):
    """The caller hung up; nobody reads this, but the ledger keeps it."""

    status = 499
    code = "client_closed_request"
