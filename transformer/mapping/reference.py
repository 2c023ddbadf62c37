"""The reference page of the mapping language, written from the language's own words and examples.

`python -m transformer.mapping.reference > transformer/mapping/REFERENCE.md` renews it.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from transformer.mapping.conversions import ABSENT
from transformer.mapping.directives import DIRECTIVES, Argument, Directive, Example

_INTRODUCTION: Final = """\
# The mapping language

A mapping file says which events become which records of a CRM, and how traits become their
properties. It is YAML, checked whole before the worker starts: every problem is reported with
file, line, path, what was expected and what was probably meant. `transformer map --explain` shows
what a mapping makes of an event, field by field.

```yaml
version: 1
aliases:
  firstName: [first_name]
rest: {suffix: __c}
tables:
  Lead:
    fields:
      Email: email
      FirstName: [firstName, {from: name, apply: first_name}]
      Company: {from: [company.name, company], default: n/a, on: create}
    required: [Company]
upserts:
  - when: {type: identify}
    object: Lead
    match: [{Email: {from: email, form: email}}]
```
"""

_SECTIONS: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    (
        "The file",
        "",
        {
            "version": "Always 1.",
            "aliases": "Other spellings of a trait path, tried right after it, in order, wherever "
            "it is a source.",
            "names": "What names and ids that come with an event must look like (regular "
            "expressions, matched whole): `object`, `field`, `record_id`; and "
            "`record_id_property`, the property that holds a record's id.",
            "rest": "What becomes of traits that no field takes, for tables without their own.",
            "tables": 'One per object: how traits become properties. `"*"` is any other object.',
            "invalid_values": "What becomes of an upsert when a directive cannot use a value: "
            "`reject` (the default) it, or `drop` the value: its field is left out and noted "
            "`invalid_value`, a match goes on to the next one. Never dropped are the values of "
            "required fields, and the last match of all.",
            "upserts": "The writes of one event, in order; each one whose `when` holds is made.",
        },
    ),
    (
        "Sources",
        (
            "A source is a path into the merged traits (`address.city`), or into the whole event "
            "when it starts with `$.` (`$.properties.plan`). The first present source wins. "
            'Absent, null, `""`, 0 and false are five different things: a source is present when '
            "its key is there. Objects and lists are no values and are passed over, with a note. "
            "A trait spelled as the field itself is always its last source, with the field's own "
            "`apply`. Instead of a path, an "
            "object:"
        ),
        {
            "from": "A path, or a list of sources.",
            "apply": "A directive or a list of them, applied in order (see below).",
            "value": "A constant.",
            "template": "Text with paths in braces, `{firstName} {lastName}`; passed over unless "
            "every path has a value.",
        },
    ),
    (
        "Tables",
        "",
        {
            "direction": "Who writes the object: `to_crm` (the default), events do; `from_crm`, "
            "the CRM owns it and events never write it: what an upsert would write is skipped as "
            "`owned_by_crm`, without asking the CRM anything; `both` writes as `to_crm` does and "
            "only declares the intent: nothing in this worker brings changes back from the CRM. "
            "The table of an object's own name speaks for the object, also where an upsert uses "
            "another `table`, whose `from_crm` counts as well. Names are compared as tables spell "
            "them, their case aside: where external ids may bring any object and the CRM knows "
            "one by several names, give `*` the direction, too. What a connection's settings "
            "make beside the mapping, such as companies to link to, is switched there.",
            "fields": "Property: source, list of sources, or the keys of the next section.",
            "required": "Properties without which the CRM creates nothing. A create without them, "
            "or an update that empties them, is rejected before it is sent.",
            "rest": "`as_is`, `drop`, or the keys below.",
        },
    ),
    (
        "Fields",
        "The keys of a source, and:",
        {
            "default": "Written when no source has a value; for a required field also when the "
            "value is null or blank.",
            "on": "When the default is written: `always` (the default) or `create`.",
            "write": "`overwrite` (the default), `fill` (only where the record has none) or "
            "`never` (recognised, left out, noted `dropped`).",
            "writable": "`create` or `update`: sent only then.",
            "read_only": "`true`: recognised, left out, noted `read_only`.",
            "invalid_values": "`reject` or `drop`, for this field.",
            "additive": "A separator, for a field whose values add up in the CRM instead of "
            "replacing each other (see merged events). The value is text, its parts with the "
            "separator between.",
            "apart": "`true`: events that differ in it are never merged.",
            "optional": "`true`: left out, with a note, where the CRM has no such field or does "
            "not let us write it; `transformer check --online` warns of it.",
        },
    ),
    (
        "Rest",
        (
            "A trait never becomes a property that a field of the table fills; a trait spelled as "
            "the property itself wins over one that gets the suffix."
        ),
        {
            "suffix": "Appended to the trait's name, the casing untouched, unless it is there.",
            "names": "What a trait must look like to get the suffix; else it is left out and noted "
            "`invalid_field_name`.",
            "ignore": "Traits left out without a note.",
            "nested": "`refuse` (the default): objects and lists are left out and noted "
            "`not_a_scalar`. `flatten`: the parts of `a: {b: 1}` become `a_b` and the suffix.",
            "mode": "`suffix`, `as_is` or `drop`; follows from the other keys.",
        },
    ),
    (
        "Upserts",
        "",
        {
            "when": "The conditions below; all that are given must hold.",
            "object": "The object's name, or `{from: external_id}`: what follows the prefix in the "
            "external id's type.",
            "table": "The table to use, when it is not the object's own.",
            "match": "How the record is found: a list such as `[{Email: email}]`, tried in order, "
            "the first with a value is the match key; `[]` always creates. `external_id`: an id "
            "updates that record, an `identifierType` upserts by that field, no id creates. "
            "`form` of a match is `text` (the default), `email` or `record_id`.",
            "create": "`false`: records that are not found are not created (`create_disabled`).",
            "update": "`false`: records that are found are not changed (`update_disabled`).",
        },
    ),
    (
        "Conditions",
        "",
        {
            "type": "`identify`, `track`, `group`, or a list of them.",
            "event": "Names of tracks.",
            "external_id": "A type such as `Crm-*`: one write per external id of that type.",
            "no_external_id": "A type such as `Crm-*`: only events without an external id of it.",
            "present": "Paths that must be there.",
            "absent": "Paths that must not be there.",
            "equals": "Path: value, or list of values. `true` is not 1.",
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Merge:
    """Two events of one record that wait together: `field` of the mapping, `writes` what is sent.

    An event is the trait's value, ABSENT when it has none; several writes go one after the other.
    """

    field: Mapping[str, object]
    events: tuple[object, object]
    writes: tuple[object, ...]


_ADDED: Final = {"from": "t", "apply": [{"split": ","}, {"join": ";"}], "additive": ";"}
_APART: Final = {"from": "t", "apart": True}
MERGES: Final[tuple[Merge, ...]] = (
    Merge({"from": "t"}, ("Rome", "Oslo"), ("Oslo",)),
    Merge({"from": "t"}, ("Rome", ABSENT), ("Rome",)),
    Merge(_ADDED, ("trial, web", "paid"), ("trial;web;paid",)),
    Merge(_ADDED, (["trial", "web"], ["web", "paid"]), ("trial;web;paid",)),
    Merge(_ADDED, ("trial", None), ("trial",)),
    Merge(_APART, (True, True), (True,)),
    Merge(_APART, (True, False), (True, False)),
    Merge(_APART, (True, ABSENT), (True, ABSENT)),
)

_MERGED: Final = """\
## Merged events

While a record's write waits, later events of the same match key join it, and one request carries
them all: of each property the value of the later event time. Two marks are for fields that this
would not do justice: `additive` joins the values, so that a tag of the earlier event is added, too;
`apart` is for what gives other fields their sense, such as consent: events that differ in it are
written one after the other. Neither goes with `on`, `write`, `writable` or `read_only`.

| field | trait `t`, earlier | later | written |
| --- | --- | --- | --- |
"""

_DIRECTIVES: Final = """\
## Directives

Null passes every directive untouched, except the ones that split a name: for them it is nothing,
and the next source is tried. A value that a directive cannot use rejects the upsert
(`invalid_value`), unless `invalid_values` says to drop it.
"""

_PYTHON: Final = """\
### python

`{python: "module:function"}` calls your own function with the event and the value and takes what
it returns; an exception rejects the upsert. It must be quick and must not do I/O.
"""


def render() -> str:
    """The page as Markdown."""
    return "\n".join(
        [
            _INTRODUCTION,
            *_sections(),
            _MERGED + "".join(map(_merge, MERGES)),
            _DIRECTIVES,
            *map(_directive, DIRECTIVES),
            _PYTHON,
        ]
    )


def documented_keys() -> frozenset[str]:
    """Every key that the page describes."""
    return frozenset(key for _, _, keys in _SECTIONS for key in keys)


def _sections() -> Iterator[str]:
    for title, text, keys in _SECTIONS:
        lines = [f"## {title}", ""]
        lines += [text, ""] if text else []
        lines += ["| key | meaning |", "| --- | --- |"]
        lines += [f"| `{key}` | {meaning} |" for key, meaning in keys.items()]
        yield "\n".join([*lines, ""])


def _directive(directive: Directive) -> str:
    lines = [f"### {directive.name}", "", directive.doc, ""]
    lines += ["| apply | value | gives |", "| --- | --- | --- |"]
    lines += [_example(directive, example) for example in directive.examples]
    return "\n".join([*lines, ""])


def _example(directive: Directive, example: Example) -> str:
    gives = "rejected" if example.fails else _json(example.gives)
    return f"| {_apply(directive.name, example.argument)} | {_json(example.value)} | {gives} |"


def _merge(example: Merge) -> str:
    earlier, later = map(_json, example.events)
    writes = ", then ".join(map(_json, example.writes))
    return f"| `{orjson.dumps(example.field).decode()}` | {earlier} | {later} | {writes} |\n"


def _apply(name: str, argument: Argument) -> str:
    return f"`{name}`" if argument is None else f"`{{{name}: {orjson.dumps(argument).decode()}}}`"


def _json(value: object) -> str:
    return "nothing" if value is ABSENT else f"`{orjson.dumps(value).decode()}`"


if __name__ == "__main__":
    sys.stdout.write(render())
