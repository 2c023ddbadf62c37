"""What Pipedrive answers when it refuses: the exception handlers raise, and its bodies."""

from collections.abc import Mapping

ADVICE = "Please check developers.pipedrive.com for more information about Pipedrive API."
INVALID = "ERR_SCHEMA_VALIDATION_FAILED"
BLOCK_PAGE = (
    "<!DOCTYPE html><html><head><title>Access denied | Cloudflare</title></head>"
    "<body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>"
)


class Refusal(Exception):
    """A refused request: its HTTP status and the JSON body of the failure envelope."""

    def __init__(self, status: int, error: str, info: str = ADVICE, **more: object) -> None:
        super().__init__(error)
        self.status = status
        self.body: Mapping[str, object] = {
            "success": False,
            "error": error,
            "error_info": info,
            "data": None,
            "additional_data": None,
            **more,
        }


def invalid(path: str, expected: str) -> Refusal:
    """Return the refusal of a value that the schema does not allow."""
    return Refusal(400, f"Validation failed: {path}: {expected}", code=INVALID)


def not_found() -> Refusal:
    """Return the refusal of a record that is not there, or was deleted."""
    return Refusal(404, "Entity was not found", "Object was not found.")


def unauthorized() -> Refusal:
    """Return the refusal of a request without good credentials; its body is a short one."""
    refusal = Refusal(401, "unauthorized access")
    refusal.body = {"success": False, "error": "unauthorized access", "errorCode": 401}
    return refusal


def limited() -> Refusal:
    """Return the refusal of a request over a limit; its body is not documented."""
    refusal = Refusal(429, "request over limit")
    refusal.body = {"success": False, "error": "request over limit", "errorCode": 429}
    return refusal


def deals_cap() -> Refusal:
    """Return the refusal of a deal when the plan's open deals are used up."""
    return Refusal(
        403,
        "Couldn't add the deal. Open deals limit reached.",
        code="feature_capping_deals_limit",
    )
