"""components/mtls: who is called has a certificate for the name by which it is called, and everyone who calls shows one."""

from servicekit.settings import ServiceSettings
from tests.k8s.objects import System, component, environment, main, name_of, pod
from tests.k8s.render import SERVICES, Object

WANTED = {"QMCP_GRPC_TLS_CERTIFICATE_FILE", "QMCP_GRPC_TLS_KEY_FILE", "QMCP_GRPC_TLS_CA_FILE"}
# The files of a Secret that cert-manager writes for an issuer with an authority.
FILES = {"tls.crt", "tls.key", "ca.crt"}


def _certificate(system: System, workload: Object) -> Object:
    (volume,) = [each for each in pod(workload)["volumes"] if each["name"] == "mtls"]
    (found,) = [
        each for each in system.of("Certificate") if each["spec"]["secretName"] == volume["secret"]["secretName"]
    ]
    return dict(found["spec"])


def test_everything_that_speaks_grpc_has_a_certificate_of_one_authority(encrypted: System) -> None:
    for workload in encrypted.deployments:
        found = environment(main(workload), encrypted)
        assert set(found) >= WANTED, name_of(workload)
        assert {str(found[name]).rpartition("/")[2] for name in WANTED} == FILES
        assert _certificate(encrypted, workload)["issuerRef"] == {
            "kind": "Issuer",
            "name": "services",
            "group": "cert-manager.io",
        }


def test_certificates_are_for_the_host_by_which_the_service_is_called(encrypted: System) -> None:
    for name in SERVICES:
        assert encrypted.has("Service", name)
        spec = _certificate(encrypted, encrypted.named("Deployment", name))
        assert spec["dnsNames"] == [name]
        assert {"server auth", "client auth"} <= set(spec["usages"])


def test_callers_alone_cannot_pass_for_a_service(encrypted: System) -> None:
    callers = [each for each in encrypted.deployments if component(each) != "grpc-service"]
    assert callers
    for workload in callers:
        assert "server auth" not in _certificate(encrypted, workload)["usages"]


def test_the_authority_is_one_that_the_issuer_names(encrypted: System) -> None:
    authority = encrypted.named("Certificate", "services-authority")["spec"]
    assert authority["isCA"] is True
    assert encrypted.named("Issuer", "services")["spec"]["ca"]["secretName"] == authority["secretName"]


def test_no_network_policy_opens_the_port_where_health_is_told_in_plain_text(encrypted: System) -> None:
    assert ServiceSettings.model_fields["grpc_health_port"].default == 0
    services = [each for each in encrypted.deployments if component(each) == "grpc-service"]
    (port,) = {int(environment(main(each), encrypted)["QMCP_GRPC_HEALTH_PORT"] or 0) for each in services}
    assert all(port in {each["containerPort"] for each in main(service)["ports"]} for service in services)
    for policy in encrypted.of("NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert port not in {each["port"] for each in rule.get("ports", [])}
