"""The people and companies of the demonstration: invented, seeded, the same every time."""

import random
from dataclasses import dataclass
from typing import Final

_FIRST: Final = (
    "Amelia", "José", "Zoë", "Łukasz", "Ingrid", "Björn", "Fatima", "Noor", "Siobhán", "Renée",
    "Dmytro", "Anh", "Mei", "Kenji", "Priya", "Tunde", "Ana María", "François", "Oluwaseun", "伟",
)  # fmt: skip
_LAST: Final = (
    "García", "O'Brien", "Müller", "Nguyễn", "Kowalski", "Østergård", "van der Berg", "Yilmaz",
    "D'Angelo", "Smith-Jones", "Šimić", "Papadopoulos", "Fernández", "Andersson", "王", "Okafor",
)  # fmt: skip
_COMPANIES: Final = (
    ("Northwind Bicycles", "Retail", 240, 31_000_000),
    ("Café & Söhne GmbH", "Food & Beverage", 38, 4_200_000),
    ("Helios Batteries", "Energy", 1_900, 410_000_000),
    ("Plum Street Books", "Retail", 12, 900_000),
    ("Àngel Logistics", "Transportation", 620, 88_500_000),
    ("日の出ソフト", "Technology", 75, 12_000_000),
    ("Quarry Analytics", "Technology", 140, 23_000_000),
    ("Tern & Gannet", "Consulting", 9, 650_000),
)
_PLACES: Final = (
    ("Lisbon", "Portugal", "1100-148", "Rua Augusta 22"),
    ("Kraków", "Poland", "31-042", "Rynek Główny 6"),
    ("Austin", "United States", "78701", "600 Congress Ave"),
    ("大阪市", "Japan", "530-0001", "梅田1-1"),
    ("Århus", "Denmark", "8000", "Store Torv 4"),
    ("Bogotá", "Colombia", "110311", "Cra. 7 #71-21"),
)
_TITLES: Final = (
    "Head of Growth",
    "CTO",
    "Revenue Operations",
    "Buyer",
    "Founder",
    "Data Engineer",
)
_PLANS: Final = ("free", "starter", "business", "enterprise")


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person, with the traits a product would send of them."""

    user_id: str
    email: str
    first_name: str
    last_name: str
    traits: dict[str, object]


def people(rng: random.Random, count: int) -> list[Person]:
    """`count` different people."""
    return [_person(rng, number) for number in range(count)]


def _person(rng: random.Random, number: int) -> Person:
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    company, industry, employees, revenue = rng.choice(_COMPANIES)
    city, country, postal_code, street = rng.choice(_PLACES)
    email = f"person{number:03}@{('example.com', 'example.org', 'example.net')[number % 3]}"
    traits: dict[str, object] = {
        "email": email,
        "firstName": first,
        "lastName": last,
        "title": rng.choice(_TITLES),
        "phone": f"+1 555 01{number % 100:02}",
        "company": {
            "name": company,
            "industry": industry,
            "employee_count": employees,
            "annualRevenue": revenue,
        },
        "address": {
            "city": city,
            "country": country,
            "postalCode": postal_code,
            "street": street,
        },
        "plan": rng.choice(_PLANS),
        "score": rng.choice((0, 12.5, 88)),
        "newsletter": rng.choice((True, False)),
    }
    return Person(f"user-{number:03}", email, first, last, traits)
