"""What of cert-manager's API (cert-manager.io/v1) the manifests use, as strict schemas.

From its custom resource definitions (github.com/cert-manager/cert-manager, deploy/crds, v1.19), cut down to the fields in use, so
that a field that is misspelt or not yet listed here is a complaint.
"""

from typing import Any

DURATION = {"type": "string", "pattern": r"^([0-9]+h)$"}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "maxLength": 253}


def _closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _resource(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    labels = {"type": "object", "additionalProperties": {"type": "string"}}
    return _closed(
        ["apiVersion", "kind", "metadata", "spec"],
        apiVersion={"const": "cert-manager.io/v1"},
        kind={"const": kind},
        metadata=_closed(["name"], name=NAME, namespace=NAME, labels=labels),
        spec=spec,
    )


ISSUER = _resource(
    "Issuer",
    {**_closed([], selfSigned=_closed([]), ca=_closed(["secretName"], secretName=NAME)), "minProperties": 1},
)
CERTIFICATE = _resource(
    "Certificate",
    _closed(
        ["issuerRef", "secretName"],
        commonName={"type": "string", "maxLength": 64},
        dnsNames={"type": "array", "minItems": 1, "items": NAME},
        duration=DURATION,
        isCA={"type": "boolean"},
        issuerRef=_closed(["name"], name=NAME, kind={"enum": ["Issuer", "ClusterIssuer"]}, group={"type": "string"}),
        privateKey=_closed(
            [],
            algorithm={"enum": ["RSA", "ECDSA", "Ed25519"]},
            rotationPolicy={"enum": ["Never", "Always"]},
            size={"type": "integer"},
        ),
        renewBefore=DURATION,
        secretName=NAME,
        usages={
            "type": "array",
            "items": {"enum": ["digital signature", "key encipherment", "server auth", "client auth"]},
        },
    ),
)
SCHEMAS = {"Issuer": ISSUER, "Certificate": CERTIFICATE}
