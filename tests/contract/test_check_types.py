"""`check --online` of every CRM compares types, lengths, options and match keys with the mapping.

Each emulator has fields that the mapping does not fit; the check finds them before any event.
"""

from collections.abc import Sequence

from tests.contract.account_engagement import business_unit
from tests.contract.activecampaign import account
from tests.contract.hubspot import portal
from tests.contract.pipedrive import company
from tests.contract.salesforce.org import connected as salesforce
from transformer.destination import Destination
from transformer.mapping import Options, compile_mapping

MAPPING = """\
version: 1
tables:
  {object}:
    fields: {{{fields}}}
    rest: as_is
upserts:
  - {{when: {{type: identify}}, object: {object}, match: [{{{match}}}]}}
"""
OPEN = Options("off", ("Crm",))


async def found(
    destination: Destination, object_type: str, fields: Sequence[str], match: str
) -> list[str]:
    """Level and message of every warning and error about the fields of a mapping."""
    text = MAPPING.format(object=object_type, fields=", ".join(fields), match=match)
    mapping = compile_mapping(text, "own.yaml", OPEN)
    return [
        f"{finding.level}: {finding.message}"
        for finding in await destination.check(mapping.fields())
        if finding.level != "ok" and "own.yaml" in finding.where
    ]


async def test_salesforce_types_lengths_picklists_and_match_keys() -> None:
    """All of them at once, as describe tells them."""
    fields = {
        "Lead": [
            "Plan__c:string(8)",
            "Score__c:double(4,2)",
            "Since__c:date",
            "Notes__c:textarea(32000)",
            "Tier__c:picklist(A|B):restricted",
        ]
    }
    async with salesforce(custom_fields=fields) as to:
        assert await found(
            to.destination,
            "Lead",
            [
                "LastName: {from: lastName, default: n/a}",
                "Company: {from: company, default: n/a}",
                "Plan__c: {from: plan, apply: {truncate: 20}, default: enterprise}",
                "Score__c: {from: score, apply: text, default: 100}",
                "Since__c: {from: since, apply: boolean}",
                "Tier__c: {from: tier, apply: {map: {gold: A, silver: C}}}",
                "PostalCode: {from: zip, apply: integer}",
                "NumberOfEmployees: {from: size, default: few}",
            ],
            "Notes__c: notes",
        ) == [
            (
                'error: Lead.Plan__c: the mapping writes "enterprise" itself, expected at most'
                " 8 characters, got 10. Correct the default, the value or the table."
            ),
            (
                "warning: Lead.Plan__c: the mapping cuts it at 20 characters, the field takes"
                " 8. Salesforce rejects longer ones (value_too_long). Truncate it to 8."
            ),
            (
                "warning: Lead.Score__c: the mapping makes text of it; of type double, it takes"
                " only what reads as an integer or a number. Convert it to that."
            ),
            (
                "error: Lead.Score__c: the mapping writes 100 itself, expected at most 2 digits"
                " before the point. Correct the default, the value or the table."
            ),
            (
                "error: Lead.Since__c: the mapping makes a boolean of it, expected a date for"
                " type date. Correct the directive, or write to another field."
            ),
            (
                'error: Lead.Tier__c: the mapping writes "C" itself, expected one of A, B.'
                " Correct the default, the value or the table."
            ),
            (
                "error: Lead.PostalCode: the mapping makes an integer of it, expected a date or"
                " a datetime or text for type string. Correct the directive, or write to"
                " another field."
            ),
            (
                'error: Lead.NumberOfEmployees: the mapping writes "few" itself, expected a'
                " number. Correct the default, the value or the table."
            ),
            (
                "error: Lead.Notes__c: upserts match on it alone, expected an external id. Mark"
                " the field as External ID, or match on another one."
            ),
        ]
        assert to.org.records("Lead") == []


async def test_hubspot_types_options_and_match_keys() -> None:
    """As the list of properties tells them."""
    async with portal.connected() as setup:
        assert await found(
            setup.destination,
            "companies",
            [
                "name: name",
                "numberofemployees: {from: company, apply: date}",
                "lifecyclestage: {from: stage, default: nobody}",
                "closedate: {from: closed, apply: text}",
            ],
            "phone: phone",
        ) == [
            (
                "error: companies.numberofemployees: the mapping makes a date of it, expected"
                " an integer or a number for type number. Correct the directive, or write to"
                " another field."
            ),
            (
                'error: companies.lifecyclestage: the mapping writes "nobody" itself, expected'
                " one of subscriber, lead, marketingqualifiedlead, salesqualifiedlead,"
                " opportunity, customer, evangelist, other. Correct the default, the value or"
                " the table."
            ),
            (
                "warning: companies.closedate: the mapping makes text of it; of type datetime,"
                " it takes only what reads as a date or a datetime or an integer or a number."
                " Convert it to that."
            ),
            (
                "warning: companies.phone: matched on, but not unique: it is searched for, the"
                " search's index lags, and several records may have one value; several_matches"
                " says what becomes of them then."
            ),
        ]


async def test_a_hubspot_match_key_that_is_no_property_is_an_error_though_unknown_ones_drop() -> (
    None
):
    """Nothing could be found by it."""
    async with portal.connected({"unknown_properties": "drop"}) as setup:
        findings = await found(setup.destination, "contacts", ["email: email"], "emial: email")
        assert findings == [
            (
                "error: contacts.emial: matched on, but there is no such property. Did you mean"
                ' "email"?'
            ),
        ]


async def test_pipedrive_types_options_lengths_and_match_keys() -> None:
    """As the fields of the company tell them."""
    async with company.connected() as to:
        to.company.schema.add("persons", "plan", "enum", ["Free", "Pro"])
        to.company.schema.add("persons", "code", "varchar")
        to.company.schema.add("persons", "since", "date")
        assert await found(
            to.destination,
            "persons",
            [
                "email: email",
                "name: name",
                "plan: {from: plan, apply: {map: {free: Free, paid: Paid}}}",
                "code: {from: code, apply: {truncate: 300}}",
                "since: {from: since, apply: boolean}",
                "owner_id: {value: nobody}",
            ],
            "since: since",
        ) == [
            (
                'error: persons.plan: the mapping writes "Paid" itself, expected the label of'
                " one of the field's options: free, pro. Correct the default, the value or the"
                " table."
            ),
            (
                "warning: persons.code: the mapping cuts it at 300 characters, the field takes"
                " 255. Longer ones are rejected (value_too_long). Truncate it to 255."
            ),
            (
                "error: persons.since: Pipedrive cannot search by it, expected id, email,"
                " phone, name or a custom field of type address, double, monetary, phone, text,"
                " varchar, varchar_auto. Match on one of these."
            ),
            (
                "error: persons.since: the mapping makes a boolean of it, expected a date or a"
                " datetime or an integer or a number for type date. Correct the directive, or"
                " write to another field."
            ),
            (
                'error: persons.owner_id: the mapping writes "nobody" itself, expected a'
                " number. Correct the default, the value or the table."
            ),
        ]


async def test_activecampaign_types_options_and_match_keys() -> None:
    """As the lists of custom fields tell them."""
    async with account.connected() as setup:
        catalogue = setup.emulator.catalogue
        plan = catalogue.add_field("Plan", "dropdown")
        catalogue.add_field("Since", "date")
        for label in ("Free", "Pro"):
            setup.emulator.store.insert("fieldOptions", {"field": plan.id, "value": label})
        assert await found(
            setup.destination,
            "contact",
            [
                "email: email",
                "Plan: {from: plan, default: Gold}",
                "Since: {from: since, apply: integer}",
            ],
            "Plan: plan",
        ) == [
            (
                'error: contact.Plan: the mapping writes "Gold" itself, expected one of Free,'
                " Pro. Correct the default, the value or the table."
            ),
            (
                "error: contact.Since: the mapping makes an integer of it, expected a date for"
                " type date. Correct the directive, or write to another field."
            ),
        ]
        assert await found(
            setup.destination,
            "deal",
            ["title: title", "value: {from: value, apply: boolean}", "percent: {value: half}"],
            "status: status",
        ) == [
            (
                "error: deal.value: the mapping makes a boolean of it, expected an integer or a"
                " number for type currency. Correct the directive, or write to another field."
            ),
            (
                'error: deal.percent: the mapping writes "half" itself, expected a whole'
                " number. Correct the default, the value or the table."
            ),
            (
                "error: deal.status: records cannot be found by it, expected id, title. Match"
                " on that."
            ),
        ]


async def test_account_engagement_types_and_match_keys() -> None:
    """As the list of custom fields and the documentation of the others tell them."""
    async with business_unit.connected() as setup:
        setup.add_fields(Seats="Number", Since="Date")
        assert await found(
            setup.destination,
            "Prospect",
            [
                "email: email",
                "optedOut: {from: optedOut, default: maybe}",
                "score: {from: score, apply: boolean}",
                "Seats__c: {from: seats, apply: text}",
                "Since__c: {from: since, apply: number}",
            ],
            "Seats__c: seats",
        ) == [
            (
                'error: Prospect.optedOut: the mapping writes "maybe" itself, expected true or'
                " false. Correct the default, the value or the table."
            ),
            (
                "error: Prospect.score: the mapping makes a boolean of it, expected an integer"
                " for type whole number. Correct the directive, or write to another field."
            ),
            (
                "error: Prospect.Seats__c: prospects cannot be found by it, expected email, id,"
                " salesforceId. Match on one of these."
            ),
            (
                "warning: Prospect.Seats__c: the mapping makes text of it; of type number, it"
                " takes only what reads as an integer or a number. Convert it to that."
            ),
            (
                "error: Prospect.Since__c: the mapping makes a number of it, expected a date or"
                " a datetime for type date. Correct the directive, or write to another field."
            ),
        ]
