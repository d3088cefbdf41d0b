"""The schema that the tests fill: twelve fields, of which answers decide."""

from typing import Any

SUPPLIER: dict[str, Any] = {
    "title": "Supplier",
    "type": "object",
    "required": ["company", "country", "kind", "contact", "start", "budget", "payment", "reviewed"],
    "properties": {
        "company": {"type": "string", "description": "What is the registered name of the company?", "minLength": 2},
        "country": {"enum": ["Germany", "France", "United States"]},
        "kind": {"type": "string", "enum": ["goods", "services"], "description": "What does it deliver?"},
        "contact": {
            "type": "object",
            "required": ["name", "email"],
            "properties": {
                "name": {"type": "string", "title": "name"},
                "email": {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$", "title": "address for mail"},
            },
        },
        "start": {"type": "string", "format": "date", "title": "first day"},
        "budget": {"type": "number", "minimum": 0, "title": "budget in euro"},
        "payment": {
            "type": "object",
            "oneOf": [
                {"properties": {"by": {"const": "card"}, "limit": {"type": "integer"}}, "required": ["by", "limit"]},
                {
                    "properties": {"by": {"const": "transfer"}, "iban": {"type": "string", "minLength": 15}},
                    "required": ["by", "iban"],
                },
            ],
        },
        "reviewed": {"type": "boolean", "title": "Has legal looked at it"},
        "vat_id": {"type": "string", "pattern": "^(DE|FR)[0-9]+$"},
        "state": {"type": "string", "minLength": 2, "maxLength": 2},
    },
    "allOf": [
        {
            "if": {"properties": {"country": {"const": "United States"}}},
            "then": {"required": ["state"]},
            "else": {"required": ["vat_id"]},
        },
        {
            "if": {"properties": {"kind": {"const": "services"}}},
            "then": {
                "required": ["tags"],
                "properties": {"tags": {"type": "array", "items": {"enum": ["IT", "legal"]}}},
            },
        },
    ],
}

# What somebody says when they are asked, as people say it.
SAID: dict[str, Any] = {
    "/country": "germany",
    "/kind": "2",
    "/payment/by": "transfer",
    "/company": "  Muster GmbH ",
    "/contact/name": "Ada",
    "/contact/email": "ada@example.com",
    "/start": "31 March 2027",
    "/budget": "1200.50",
    "/payment/iban": "DE02120300000000202051",
    "/reviewed": "yes",
    "/vat_id": "DE136695976",
    "/tags": "it, Legal",
}
FILLED: dict[str, Any] = {
    "company": "Muster GmbH",
    "country": "Germany",
    "kind": "services",
    "contact": {"name": "Ada", "email": "ada@example.com"},
    "start": "2027-03-31",
    "budget": 1200.5,
    "payment": {"by": "transfer", "iban": "DE02120300000000202051"},
    "reviewed": True,
    "vat_id": "DE136695976",
    "tags": ["IT", "legal"],
}
