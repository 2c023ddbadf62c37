"""The registry: one line per kind of CRM, the only list of destinations there is."""

from typing import Final

KINDS: Final[dict[str, str]] = {
    "salesforce": "destinations.salesforce.destination:KIND",
    "hubspot": "destinations.hubspot.destination:KIND",
    "pipedrive": "destinations.pipedrive.destination:KIND",
    "account_engagement": "destinations.account_engagement.destination:KIND",
    "activecampaign": "destinations.activecampaign.destination:KIND",
}
