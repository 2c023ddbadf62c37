"""The JSON of describe: one object's full description, one field's, and the global list."""

from collections.abc import Mapping
from functools import lru_cache

from destinations.salesforce.emulator.schema import NUMBER_TYPES, Field, ObjectType, Schema

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "address": "urn:address",
}
_PLURALS = {"Opportunity": "Opportunities", "CampaignMemberStatus": "Campaign Member Statuses"}
_CREATE_ONLY_OBJECTS = frozenset({"User"})


def describe_global(schema: Schema, version: str) -> dict[str, object]:
    """Return the body of `GET /sobjects`."""
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [brief(each, version) for each in schema],
    }


def brief(kind: ObjectType, version: str) -> dict[str, object]:
    """Return one object as the global list shows it."""
    own = f"/services/data/{version}/sobjects/{kind.name}"
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": True,
        "custom": kind.custom,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": kind.name not in _CREATE_ONLY_OBJECTS,
        "deprecatedAndHidden": False,
        "feedEnabled": kind.name not in {"CampaignMember", "CampaignMemberStatus"},
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": kind.prefix,
        "label": label(kind.name),
        "labelPlural": _PLURALS.get(kind.name, f"{label(kind.name)}s"),
        "layoutable": True,
        "mergeable": kind.name in {"Account", "Contact", "Lead"},
        "mruEnabled": True,
        "name": kind.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": True,
        "triggerable": True,
        "undeletable": kind.name not in _CREATE_ONLY_OBJECTS,
        "updateable": True,
        "urls": {
            "rowTemplate": f"{own}/{{ID}}",
            "describe": f"{own}/describe",
            "sobject": own,
        },
    }


def describe(schema: Schema, kind: ObjectType, version: str) -> dict[str, object]:
    """Return the body of `GET /sobjects/X/describe`."""
    return {
        **brief(kind, version),
        "actionOverrides": [],
        "childRelationships": [
            {
                "cascadeDelete": False,
                "childSObject": child.name,
                "deprecatedAndHidden": False,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": child_relationship(child, field),
                "restrictedDelete": False,
            }
            for child, field in schema.children(kind)
        ],
        "compactLayoutable": True,
        "defaultImplementation": None,
        "extendedBy": None,
        "extendsInterfaces": None,
        "fields": [describe_field(kind, field) for field in kind.fields.values()],
        "implementedBy": None,
        "implementsInterfaces": None,
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [
            {
                "active": True,
                "available": True,
                "defaultRecordTypeMapping": True,
                "developerName": "Master",
                "master": True,
                "name": "Master",
                "recordTypeId": "012000000000000AAA",
                "urls": {},
            }
        ],
        "searchLayoutable": True,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": f"All {label(kind.name)}s", "name": "everything"},
            {"label": f"My {label(kind.name)}s", "name": "mine"},
        ],
    }


def describe_field(kind: ObjectType, field: Field) -> dict[str, object]:
    """Return one field with every key that Salesforce sends."""
    number = field.type in NUMBER_TYPES
    text = field.length if field.type not in {"boolean", "date", "datetime"} else 0
    filterable = field.filterable
    whole = number and field.type == "int"
    return {
        "aggregatable": filterable and field.type != "boolean",
        "aiPredictionField": False,
        "autoNumber": False,
        "byteLength": text if field.type in {"id", "reference"} else text * 3,
        "calculated": False,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.part_of,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" else None,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": (field.precision or 8) if whole else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": _extra_type(field),
        "filterable": filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": filterable and not (number and not whole) and field.type != "datetime",
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.id_lookup,
        "inlineHelpText": None,
        "label": field_label(kind, field),
        "length": text,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name == kind.name_field,
        "namePointing": field.name in {"WhoId", "WhatId"},
        "nillable": field.nillable,
        "permissionable": field.nillable and field.name not in {"Name", "Id"},
        "picklistValues": [
            {
                "active": True,
                "defaultValue": value == field.default,
                "label": value,
                "validFor": None,
                "value": value,
            }
            for value in field.values
        ],
        "polymorphicForeignKey": len(field.refers_to) > 1 or "*" in field.refers_to,
        "precision": field.precision if number and not whole else 0,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": [name for name in field.refers_to if name != "*"],
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": field.type == "reference",
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": filterable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }


def child_relationship(child: ObjectType, field: Field) -> str | None:
    """Return the name under which a parent lists these children; None when it has none."""
    if field.name in {"CreatedById", "LastModifiedById", "MasterRecordId"}:
        return None
    if child.custom or field.custom:
        return child.name.removesuffix("__c") + "s__r"
    return _PLURALS.get(child.name, f"{child.name}s").replace(" ", "")


def field_label(kind: ObjectType, field: Field) -> str:
    """Return a field's label, as messages use it."""
    if field.name == "Id" or (kind.name, field.name) in {("Account", "Name"), ("Campaign", "Name")}:
        return f"{label(kind.name)} {'ID' if field.name == 'Id' else field.name}"
    return label(field.name)


@lru_cache(maxsize=4_096)
def label(name: str) -> str:
    """Return a label as Salesforce derives it: `LastName` is `Last Name`, ids lose `Id`."""
    stem = name.removesuffix("__c").replace("_", " ")
    if len(stem) > 2 and stem.endswith("Id"):  # noqa: PLR2004 "Id" itself stays
        stem = f"{stem[:-2]} ID"
    return "".join(
        f" {char}" if at and char.isupper() and stem[at - 1].islower() else char
        for at, char in enumerate(stem)
    )


def _extra_type(field: Field) -> str | None:
    roles: Mapping[str, str] = {"FirstName": "personname", "LastName": "personname"}
    if field.type == "textarea":
        return "plaintextarea"
    return roles.get(field.name) if field.part_of == "Name" else None
