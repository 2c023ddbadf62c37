"""ActiveCampaign: contacts, accounts, deals and tracked events, by API v3."""
