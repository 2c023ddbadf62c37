"""ActiveCampaign bulk import: what counts as delivered, what goes singly, what it costs."""

from dataclasses import replace

import pytest

from tests.contract.activecampaign.account import Setup, connected, new, people, person
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Retry
from transformer.upsert import Note

IMPORT = "/api/3/import/bulk_import"
INFO = "/api/3/import/info"
IMPORTED = Delivered("updated", "", "contact")


def emails(setup: Setup) -> list[object]:
    """The addresses of all contacts."""
    return [row["email"] for row in setup.rows("contacts")]


async def test_a_thousand_contacts_cost_ten_requests_at_the_most() -> None:
    """The fields, four imports, and their states, one of which may be asked for too early."""
    async with connected(bulk_poll_seconds=1.0) as setup:
        setup.emulator.catalogue.add_field("plan")
        assert await setup.write(*people(1000, plan="pro")) == [IMPORTED] * 1000
        assert setup.emulator.api_calls <= 10
        assert setup.emulator.unknown_count == 0
        assert len(emails(setup)) == 1000
        before = setup.emulator.api_calls
        await setup.write(*people(1000, plan="free"))
        assert setup.emulator.api_calls - before == 8
        assert {row["value"] for row in setup.rows("fieldValues")} == {"free"}


async def test_a_thousand_contacts_below_the_threshold_cost_a_request_each() -> None:
    """And a few for names; tags and lists are not among these contacts."""
    async with connected(bulk_threshold=0) as setup:
        setup.emulator.catalogue.add_field("plan")
        outcomes = await setup.write(*people(1000, plan="pro", account="Acme"))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert setup.emulator.api_calls <= 1_010


async def test_one_contact_less_than_the_threshold_goes_singly() -> None:
    """And the threshold itself by import."""
    async with connected(bulk_threshold=12) as setup:
        await setup.write(*people(11))
        assert setup.emulator.calls_by_route[f"POST {IMPORT}"] == 0
        await setup.write(*people(12))
        assert setup.emulator.calls_by_route[f"POST {IMPORT}"] == 1


async def test_a_threshold_above_what_a_write_usually_takes_is_reached_all_the_same() -> None:
    """So many that wait are one write."""
    async with connected(bulk_threshold=1_200) as setup:
        assert setup.destination.limits.backlog_records == 1_200
        assert await setup.write(*people(1_200)) == [IMPORTED] * 1_200
    async with connected(bulk_threshold=0) as setup:
        assert setup.destination.limits.backlog_records is None


async def test_an_import_carries_fields_tags_lists_and_the_account() -> None:
    """Unicode and cleared values too; the job title is noted as left out."""
    async with connected(bulk_threshold=2, link_accounts=True) as setup:
        setup.emulator.catalogue.add_list("News")
        setup.emulator.catalogue.add_list("Old")
        setup.emulator.catalogue.add_field("Colours", "listbox")
        more = {
            "firstName": "Zoë 伟",
            "lastName": None,
            "account": "Café & Söhne",
            "jobTitle": "CTO",
            "tags": "a||b",
            "lists": "News",
            "unsubscribe": "Old",
            "Colours": ["red", "blue"],
        }
        note = Note("dropped", "jobTitle", "a bulk import cannot set it")
        outcomes = await setup.write(*people(2), person("z@x.io", **more))
        assert outcomes == [IMPORTED, IMPORTED, replace(IMPORTED, notes=(note,))]
        assert setup.contact("z@x.io") == {
            "email": "z@x.io",
            "firstName": "Zoë 伟",
            "lastName": "",
            "Colours": "||red||blue||",
        }
        assert [row["name"] for row in setup.rows("accounts")] == ["Café & Söhne"]
        assert [row["tag"] for row in setup.rows("tags")] == ["a", "b"]
        assert [row["status"] for row in setup.rows("contactLists")] == ["1", "2"]


async def test_what_an_import_cannot_do_goes_singly_beside_it() -> None:
    """Fresh consent, a doubtful address, a lookup, another object."""
    async with connected(bulk_threshold=10) as setup:
        setup.emulator.catalogue.add_list("News")
        await setup.write(person("back@x.io"))
        setup.emulator.catalogue.set_subscription("1", "1", "2", "0")
        outcomes = await setup.write(
            *people(10),
            person("back@x.io", lists="News", consent=True),
            person("odd..@x", firstName="Odd"),
            replace(person("fill@x.io", firstName="F"), fill=frozenset({"firstName"})),
            new("account", name="Acme"),
        )
        assert outcomes[:10] == [IMPORTED] * 10
        assert outcomes[10] == Delivered("updated", "1", "contact")
        assert isinstance(outcomes[11], Rejected)
        assert outcomes[13] == Delivered("created", "1", "account")
        assert [row["status"] for row in setup.rows("contactLists")] == ["1"]
        assert setup.emulator.calls_by_route[f"POST {IMPORT}"] == 1


async def test_no_import_holds_more_than_it_may() -> None:
    """250 contacts, and 400,000 bytes: large ones are cut earlier."""
    async with connected() as setup:
        await setup.write(*people(251))
        sizes = [len(batch.rows) for batch in setup.emulator.imports.batches.values()]
        assert sizes == [250, 1]
        setup.emulator.catalogue.add_field("Bio")
        outcomes = await setup.write(*people(120, Bio="b" * 5_000))
        assert outcomes == [IMPORTED] * 120
        bodies = [
            int(str(request["body_bytes"]))
            for request in setup.emulator.requests
            if request["path"] == IMPORT
        ]
        assert max(bodies) <= 400_000
        assert len(bodies) == 4


async def test_a_contact_that_an_import_names_as_failed_is_sent_singly_for_its_reason() -> None:
    """Its own outcome says why; the others of the batch are delivered."""
    async with connected(bulk_threshold=10) as setup:
        setup.emulator.blocked.add("p3@example.com")
        outcomes = await setup.write(*people(10))
        assert [o for o in outcomes if o == IMPORTED] == [IMPORTED] * 9
        refused = outcomes[3]
        assert isinstance(refused, Rejected)
        assert refused.vendor["code"] == "field_invalid"


async def test_a_contact_that_failed_in_an_import_for_a_passing_reason_is_delivered() -> None:
    """The single request goes through."""
    async with connected(bulk_threshold=10) as setup:
        options = {"emails": ["p3@example.com"]}
        setup.emulator.script(Fault("import_failure", path=IMPORT, method="POST", options=options))
        outcomes = await setup.write(*people(10))
        record = setup.emulator.contacts.by_email("p3@example.com")
        assert record is not None
        assert outcomes[3] == Delivered("created", record.id, "contact")
        assert len(emails(setup)) == 10


async def test_a_batch_refused_for_one_row_is_imported_without_it() -> None:
    """The row named goes singly, the rest in one import more."""
    async with connected(bulk_threshold=10) as setup:
        text = '{"success":0,"message":"no","failureReasons":[{"contact":4,"failureReason":"x"}]}'
        setup.emulator.script(
            Fault("status", method="POST", path=IMPORT, status=400, text=text, count=1)
        )
        outcomes = await setup.write(*people(10))
        assert outcomes.count(IMPORTED) == 9
        assert isinstance(outcomes[4], Delivered)
        assert outcomes[4].operation == "created"
        assert sorted(map(str, emails(setup))) == [f"p{n}@example.com" for n in range(10)]


async def test_a_batch_refused_without_a_name_is_halved_until_it_goes() -> None:
    """Whatever the refusal says."""
    async with connected(bulk_threshold=10) as setup:
        setup.emulator.script(
            Fault(
                "status",
                method="POST",
                path=IMPORT,
                status=400,
                text="{}",
                contains='"p7@example.com"',
            )
        )
        outcomes = await setup.write(*people(40))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert len(emails(setup)) == 40


@pytest.mark.parametrize("status", ["failed", "interrupted"])
async def test_a_batch_that_did_not_complete_is_not_delivered(status: str) -> None:
    """Whether nothing of it was applied or half: all of it is sent again."""
    async with connected(bulk_threshold=10) as setup:
        kind = "import_status" if status == "failed" else "import_half"
        setup.emulator.script(
            Fault(kind, method="POST", path=IMPORT, count=1, options={"status": status})
        )
        outcomes = await setup.write(*people(10), new("account", name="Acme"))
        retries = outcomes[:10]
        assert all(isinstance(o, Retry) and o.may_have_applied for o in retries)
        assert outcomes[10] == Delivered("created", "1", "account")
        again = [replace(each, repeated=True) for each in people(10)]
        assert await setup.write(*again) == [IMPORTED] * 10
        assert sorted(map(str, emails(setup))) == [f"p{n}@example.com" for n in range(10)]


async def test_an_import_that_never_ends_is_given_up_in_time_and_sent_again() -> None:
    """Its contacts are not delivered, and its waiting does not use up their attempts alone."""
    async with connected(bulk_threshold=10, bulk_timeout_seconds=300.0) as setup:
        setup.emulator.script(Fault("import_stall", method="POST", path=IMPORT, count=1))
        outcomes = await setup.write(*people(10), new("account", name="Acme"))
        first = outcomes[0]
        assert isinstance(first, Retry)
        assert (first.reason, first.may_have_applied) == (Reason.ANSWER_LOST, True)
        assert setup.clock.now() <= 1_000 + 310


async def test_asking_for_the_state_of_an_import_survives_errors() -> None:
    """Down, throttled, cut off: it is asked again, and nothing is imported twice."""
    async with connected(bulk_threshold=10) as setup:
        setup.emulator.script(
            Fault("status", path=INFO, status=503, count=1),
            Fault("status", path=INFO, status=429, retry_after=30, count=1, skip=1),
            Fault("reset_after", path=INFO, count=1, skip=2),
        )
        assert await setup.write(*people(10)) == [IMPORTED] * 10
        assert setup.emulator.calls_by_route[f"POST {IMPORT}"] == 1


async def test_a_lost_answer_to_one_import_costs_its_contacts_alone() -> None:
    """The others are delivered; sent again, nobody is there twice."""
    async with connected() as setup:
        setup.emulator.script(Fault("reset_after", method="POST", path=IMPORT, count=1, skip=1))
        batch = people(600)
        outcomes = await setup.write(*batch)
        lost = [o for o in outcomes if isinstance(o, Retry)]
        assert (len(lost), outcomes.count(IMPORTED)) == (250, 350)
        assert {(o.reason, o.may_have_applied) for o in lost} == {(Reason.ANSWER_LOST, True)}
        await setup.write(*batch[250:500])
        assert len(emails(setup)) == 600


async def test_the_imports_own_rate_limit_is_a_wait_and_no_fault() -> None:
    """It comes as a 400 with a message."""
    async with connected(bulk_threshold=10) as setup:
        text = '{"success":0,"message":"Rate limit exceeded.","failureReasons":["Up to 100"]}'
        setup.emulator.script(
            Fault("status", method="POST", path=IMPORT, status=400, text=text, count=1)
        )
        outcomes = await setup.write(*people(10), new("account", name="Acme"))
        first = outcomes[0]
        assert isinstance(first, Retry)
        assert (first.reason, first.counts, first.after_seconds) == (Reason.THROTTLED, False, 60.0)
        assert emails(setup) == []


async def test_the_next_import_is_first_asked_for_when_the_last_one_was_ready() -> None:
    """So that slow imports do not cost more requests than quick ones."""
    async with connected(bulk_poll_seconds=0.25) as setup:
        await setup.write(*people(250))
        first = setup.emulator.calls_by_route[f"GET {INFO}"]
        await setup.write(*people(250))
        assert first > 2
        assert setup.emulator.calls_by_route[f"GET {INFO}"] - first <= 2
