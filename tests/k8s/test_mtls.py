"""components/mtls: who is called has a certificate for the name by which it is called, and everyone who calls shows one."""

from servicekit.settings import ServiceSettings
from tests.k8s.objects import System, environment, main, name_of, pod
from tests.k8s.render import OPTIONAL, Object, combination

WANTED = {"QMCP_GRPC_TLS_CERTIFICATE_FILE", "QMCP_GRPC_TLS_KEY_FILE", "QMCP_GRPC_TLS_CA_FILE"}
# The files of a Secret that cert-manager writes for an issuer with an authority.
FILES = {"tls.crt", "tls.key", "ca.crt"}


def _system(renderer: str) -> System:
    assert renderer
    return System("every component", combination(OPTIONAL))


def _certificate(system: System, workload: Object) -> Object:
    (volume,) = [each for each in pod(workload)["volumes"] if each["name"] == "mtls"]
    (found,) = [
        each for each in system.of("Certificate") if each["spec"]["secretName"] == volume["secret"]["secretName"]
    ]
    return dict(found["spec"])


def test_everything_that_speaks_grpc_has_a_certificate_of_one_authority(renderer: str) -> None:
    system = _system(renderer)
    for workload in system.deployments:
        found = environment(main(workload), system)
        assert set(found) >= WANTED, name_of(workload)
        assert {str(found[name]).rpartition("/")[2] for name in WANTED} == FILES
        assert _certificate(system, workload)["issuerRef"] == {
            "kind": "Issuer",
            "name": "services",
            "group": "cert-manager.io",
        }


def test_certificates_are_for_the_hosts_of_the_addresses_that_are_called(renderer: str) -> None:
    system = _system(renderer)
    called = set()
    for workload in system.deployments:
        for name, value in environment(main(workload), system).items():
            if name.endswith("_ADDRESS") and not name.endswith("_METRICS_ADDRESS") and name != "QMCP_WEB_ADDRESS":
                called.add(str(value).partition(":")[0])
    assert called
    for host in called:
        spec = _certificate(system, system.named("Deployment", host))
        assert spec["dnsNames"] == [host]
        assert {"server auth", "client auth"} <= set(spec["usages"])


def test_callers_alone_cannot_pass_for_a_service(renderer: str) -> None:
    system = _system(renderer)
    for name in ("gateway", "web"):
        assert "server auth" not in _certificate(system, system.named("Deployment", name))["usages"]


def test_the_authority_is_one_that_the_issuer_names(renderer: str) -> None:
    system = _system(renderer)
    authority = system.named("Certificate", "services-authority")["spec"]
    assert authority["isCA"] is True
    assert system.named("Issuer", "services")["spec"]["ca"]["secretName"] == authority["secretName"]


def test_no_network_policy_opens_the_port_where_health_is_told_in_plain_text(renderer: str) -> None:
    system = _system(renderer)
    workload = system.named("Deployment", "tools")
    port = int(environment(main(workload), system)["QMCP_GRPC_HEALTH_PORT"] or 0)
    assert ServiceSettings.model_fields["grpc_health_port"].default == 0
    assert port in {each["containerPort"] for each in main(workload)["ports"]}
    for policy in system.of("NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            assert port not in {each["port"] for each in rule.get("ports", [])}
