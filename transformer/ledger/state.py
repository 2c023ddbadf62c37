"""An account and its holder as value and key of a table, and back. Pure."""

from collections import Counter

import orjson

from transformer.ledger.account import Account
from transformer.ledger.codes import Codes, Segment
from transformer.ledger.coverage import Coverage, Gap
from transformer.ledger.entry import Holder
from transformer.record import Partition

VERSION = 1


def encode(account: Account) -> bytes:
    """The account in JSON, a few hundred bytes while results come in order."""
    coverage, codes = account.coverage, account.codes
    return orjson.dumps(
        {
            "v": VERSION,
            "as_of": account.as_of,
            "updated": account.updated,
            "start": coverage.start,
            "next_offset": coverage.next_offset,
            "gaps": [[gap.first, gap.last, gap.since] for gap in coverage.gaps],
            "lost": coverage.lost,
            "known_from": codes.known_from,
            "segments": [[part.first, part.last, part.code] for part in codes.segments],
            "counts": account.counts,
            "windows": {str(start): counts for start, counts in account.windows.items()},
            "repeated": account.repeated,
            "contradicted": account.contradicted,
        }
    )


def decode(stored: bytes) -> Account:
    """The account that `encode` wrote. Raises ValueError when another version did."""
    known = orjson.loads(stored)
    if known["v"] != VERSION:
        raise ValueError(f"ledger: a stored account has version {known['v']}, expected {VERSION}.")
    return Account(
        coverage=Coverage(
            known["start"],
            known["next_offset"],
            [Gap(*gap) for gap in known["gaps"]],
            lost=known["lost"],
        ),
        codes=Codes(
            [Segment(*segment) for segment in known["segments"]], known_from=known["known_from"]
        ),
        counts=Counter(known["counts"]),
        windows={int(start): Counter(counts) for start, counts in known["windows"].items()},
        repeated=known["repeated"],
        contradicted=known["contradicted"],
        as_of=known["as_of"],
        updated=known["updated"],
    )


def key(metrics_partition: int, holder: Holder) -> bytes:
    """The key of an account: it begins with the partition whose changelog keeps it."""
    return b"%d:%s" % (metrics_partition, holder.key)


def parse_key(key: bytes) -> tuple[int, Holder]:
    """What `key` was made of."""
    metrics_partition, _, rest = key.decode().partition(":")
    connection, _, where = rest.partition("/")
    topic, _, number = where.rpartition("/")
    return int(metrics_partition), Holder(connection, Partition(topic, int(number)))
