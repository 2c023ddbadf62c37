"""The oracle: knows every event's mark, and says what is wrong when anything is."""

from collections import Counter, defaultdict

import orjson

from destinations.salesforce.emulator import SalesforceEmulator
from tests.chaos.storm import Storm
from transformer.kafka import KafkaBroker
from transformer.record import Record


async def letters_of(broker: KafkaBroker, topic: str) -> list[Record]:
    """Every record of a topic."""
    reader = await broker.reader([topic], from_beginning=True)
    found: list[Record] = []
    try:
        while any(at < end for at, end in (await reader.positions()).values()):
            found.extend(await reader.read(timeout_seconds=1.0))
    finally:
        await reader.close()
    return found


def verdict(storm: Storm, org: SalesforceEmulator, letters: list[Record]) -> list[str]:
    """Everything that is wrong; empty when every promise was kept."""
    wrong: list[str] = []
    outcomes = storm.accounts.outcomes()
    if len(outcomes) != storm.story.events:
        wrong.append(f"{storm.story.events} events, {len(outcomes)} accounted for")
    wrong += _leads(storm, org)
    wrong += _visits(storm, org)
    wrong += _letters(storm, letters)
    if org.unknown_routes:
        wrong.append(f"requests to unknown routes: {list(org.unknown_routes)[:3]}")
    if org.crashes:
        wrong.append(f"the emulator broke: {list(org.crashes)[:3]}")
    return wrong


def results_by_mark(storm: Storm) -> dict[str, dict[str, object]]:
    """The last result of every event that had one of its own, by its mark."""
    return {
        str(results[-1]["message_id"]): results[-1]
        for results in storm.accounts.results.values()
        if results[-1].get("message_id")
    }


def _leads(storm: Storm, org: SalesforceEmulator) -> list[str]:
    """One lead per person, holding the values of the last event that was delivered."""
    wrong: list[str] = []
    results = results_by_mark(storm)
    last: dict[str, dict[str, object]] = {}
    for mark, known in storm.story.sent.items():
        delivered = results.get(mark, {}).get("outcome") == "delivered"
        if known["kind"] in ("lead", "refused") and delivered:
            last[str(known["email"])] = known
    found = defaultdict(list)
    for row in org.records("Lead"):
        found[str(row.get("Email"))].append(row)
    for email, rows in found.items():
        if len(rows) != 1:
            wrong.append(f"{email} has {len(rows)} leads")
        elif email not in last:
            wrong.append(f"{email} has a lead and no delivered event")
        elif rows[0].get("n__c") != last[email]["n"]:
            wrong.append(f"{email} has n {rows[0].get('n__c')}, expected {last[email]['n']}")
        elif rows[0].get("mark__c") != last[email]["mark"]:
            wrong.append(f"{email} has another event's mark")
        elif not str(rows[0].get("LastName")).endswith(str(last[email]["note"])[-3:].strip()):
            wrong.append(f"{email}: the payload was changed: {rows[0].get('LastName')!r}")
    wrong += [f"{email} was delivered and has no lead" for email in last.keys() - found.keys()]
    return wrong


def _visits(storm: Storm, org: SalesforceEmulator) -> list[str]:
    """Every plain create exists once, and only those."""
    marks = Counter(str(row.get("mark__c")) for row in org.records("Visit__c"))
    wrong = [f"visit {mark} exists {count} times" for mark, count in marks.items() if count != 1]
    wanted = {mark for mark, known in storm.story.sent.items() if known["kind"] == "visit"}
    wrong += [f"visit {mark} is missing" for mark in wanted - marks.keys()]
    wrong += [f"visit {mark} came from nowhere" for mark in marks.keys() - wanted]
    return wrong


def _letters(storm: Storm, letters: list[Record]) -> list[str]:
    """Every rejected event is a dead letter with its own bytes, and no event is both."""
    wrong: list[str] = []
    found = {str(orjson.loads(letter.value or b"{}").get("messageId")) for letter in letters}
    for mark, result in results_by_mark(storm).items():
        if result["outcome"] == "rejected" and mark not in found:
            wrong.append(f"{mark} was rejected without a dead letter")
        if result["outcome"] == "rejected" and storm.story.sent[mark]["kind"] != "refused":
            wrong.append(f"{mark} was rejected: {result['reason']} {str(result['writes'])[:300]}")
    return wrong
