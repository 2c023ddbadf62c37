"""Salesforce Account Engagement (Pardot): prospects and what they do, by API v5."""
