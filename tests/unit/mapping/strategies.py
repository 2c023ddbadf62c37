"""Any event that decodes, biased to the traits that the mappings under test know."""

from hypothesis import strategies as st

EVERYTHING_KEYS = st.sampled_from(
    ["first", "a", "b", "c", "d", "name", "n", "n_x", "o", "p", "q", "r", "s", "z", "z_x", "z_c",
     "One", "Six", "Ten", "skip", "ignored", "Bad Name"]
)  # fmt: skip
SALESFORCE_KEYS = st.sampled_from(
    ["firstName", "first_name", "name", "lastName", "LastName", "city", "address", "address",
     "company", "company", "createdAt", "id", "plan", "plan__c", "plan name", "country", "zip",
     "phone"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", " ", "x", "Jane Doe", "jane@example.com", "a\nb", "12", "Ünï"]),
    st.text(max_size=5),
)
PARTS = st.sampled_from(["c", "d", "p", "q", "r", "s", "city", "name", "country", "postalCode"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(PARTS, inner, max_size=4)),
    max_leaves=6,
)
ANY_KEYS = st.one_of(EVERYTHING_KEYS, SALESFORCE_KEYS, st.text(max_size=6))
TRAITS = st.one_of(
    st.dictionaries(EVERYTHING_KEYS, VALUES, min_size=4, max_size=14),
    st.dictionaries(SALESFORCE_KEYS, VALUES, min_size=4, max_size=14),
    st.dictionaries(ANY_KEYS, VALUES, max_size=6),
)
EXTERNAL_IDS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["Crm-Thing", "Salesforce-Lead", "Salesforce-contact",
                                  "Salesforce-My_Object__c", "Salesforce-../x", "Other"])},
        optional={
            "id": st.one_of(st.none(), st.sampled_from(["00Q5g00000ABCDE", "bad id", "7"])),
            "identifierType": st.sampled_from(["Id", "Ext__c", "Email", "n o"]),
        },
    ),
    max_size=2,
)  # fmt: skip
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["identify", "track", "group"]), "traits": TRAITS},
    optional={
        "event": st.sampled_from(["bought", "seen"]),
        "userId": st.one_of(SCALARS),
        "context": st.fixed_dictionaries({"traits": TRAITS, "externalId": EXTERNAL_IDS}),
        "properties": TRAITS,
        "integrations": st.dictionaries(st.sampled_from(["All", "Crm", "Salesforce"]), VALUES),
    },
)
