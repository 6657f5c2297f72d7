"""What the Kubernetes API answers when it does not do what was asked.

ApiError
├── Away        no answer, 429 or 5xx, or a 404 that is not the API's own: trying again later makes sense
├── Denied      401, 403: an operator has to act
├── Missing     404, and the API says so itself
├── Contended   409: somebody else changed or made the object
├── Expired     410: the resource version is too old to watch from; list again
├── TooLarge    413, or etcd's own limit
└── Rejected    400, 422 and other refusals: the request is wrong, or a policy forbids it
"""

from __future__ import annotations


class ApiError(Exception):
    """The text is one sentence for people; it holds no secrets.

    Args:
        retry_after: seconds that the server asked us to wait, where it did.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class Away(ApiError): ...


class Denied(ApiError): ...


class Missing(ApiError): ...


class Contended(ApiError): ...


class Expired(ApiError): ...


class TooLarge(ApiError): ...


class Rejected(ApiError): ...
