"""The event that is measured: a typical identify of about 1.3 KB.

Twenty traits with a nested address and company, three of them custom, in the envelope that CDP
Kafka destinations write.
"""

import orjson

from transformer.record import Message


def identify(n: int, person: int, *, opted_in: bool = True) -> Message:
    """The nth event, of one person."""
    traits: dict[str, object] = {
        "email": f"person{person}@example.com",
        "firstName": "Ann",
        "lastName": f"Person {person}",
        "phone": "+49 30 1234567",
        "mobilePhone": "+49 170 1234567",
        "fax": "+49 30 7654321",
        "title": "Head of Logistics",
        "salutation": "Ms.",
        "rating": "Hot",
        "website": "https://acme.example",
        "description": "Came through the spring webinar",
        "LeadSource": "Web",
        "company": {"name": "Acme Industries GmbH", "industry": "Manufacturing",
                    "employee_count": 1200, "annualRevenue": 12500000},
        "address": {"street": "Hauptstrasse 12", "city": "Berlin", "state": "BE",
                    "postalCode": "10115", "country": "Germany"},
        "plan": "pro",
        "score": n,
        "vip": True,
    }  # fmt: skip
    body: dict[str, object] = {
        "type": "identify",
        "messageId": f"3f1c2a9e-{n:08d}-4b2e-9d7e-2f1a6c5e8b90",
        "userId": f"user-{person}",
        "anonymousId": f"anon-{person}-7a1b2c3d4e5f",
        "channel": "web",
        "context": {
            "app": {"name": "shop", "version": "4.2.1"},
            "ip": "203.0.113.7",
            "locale": "de-DE",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "page": {"path": "/signup", "url": "https://shop.example/signup",
                     "referrer": "https://search.example/"},
            "library": {"name": "analytics.js", "version": "2.11.1"},
        },
        "traits": traits,
        "integrations": {"All": True, "Salesforce": opted_in},
        "originalTimestamp": "2026-11-22T10:00:00.123Z",
        "sentAt": "2026-11-22T10:00:00.456Z",
        "receivedAt": "2026-11-22T10:00:00.789Z",
        "timestamp": "2026-11-22T10:00:00.400Z",
    }  # fmt: skip
    return Message(orjson.dumps(body), f"user-{person}".encode())


CUSTOM_FIELDS = {"Lead": ["plan__c:string(255)", "score__c:double(18,0)", "vip__c:boolean"]}
"""What an emulated org needs to take these events."""
