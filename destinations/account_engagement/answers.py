"""What the answer to a write says of its prospect: is it new, and is it nobody's."""

from typing import Literal, TypeAlias

from destinations.account_engagement.client import Reply

Happened: TypeAlias = Literal["created", "updated"]
_CREATED = 201


def is_nobodys(reply: Reply, assigned: str, what: Happened) -> bool:
    """Whether nobody is taken a prospect from; where the answer does not say, only a new one."""
    if assigned in reply.record:
        return not reply.record[assigned]
    return what == "created"


def what_happened(reply: Reply) -> Happened:
    """The status tells; as some tenants answer 201 to both, so do the moments."""
    made, changed = (reply.record.get(name) for name in ("createdAt", "updatedAt"))
    return "created" if reply.status == _CREATED and made == changed else "updated"
