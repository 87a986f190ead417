"""What scripts/chart asks of the chart and of compose.yaml beyond what schemas can say.

    chart.py schemas FROM TO              the JSON schemas of Kubernetes, copied so that kubeconform finds what they refer to
    chart.py tree                         the chart against the rest of the tree
    chart.py rendered VALUES <manifests   what was rendered from a file of values
    chart.py compose <project.json        compose.yaml, as compose-spec has read it
"""

import json
import re
import sys
from pathlib import Path

from ruamel.yaml import YAML

CHART = Path("helm/rollcall")
# What the chart sets itself, and what belongs into the Secret. Every other variable is one of `config`.
MANAGED = {"LISTEN_ADDR", "ADMIN_ADDR", "WORKER", "SHUTDOWN_DELAY_SECONDS", "FCM_CREDENTIALS", "OIDC_PROVIDERS", "PERSISTED_DOCUMENTS"}
MANAGED |= {"REDIS_CA_FILE"}
# The Job does that: no pod is given the time.
MANAGED |= {"MIGRATE_ON_START"}
# A container logs to standard error, and has nowhere to keep a file.
MANAGED |= {"LOG_FILE", "LOG_ROTATION", "LOG_FILES"}
SECRET = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SECRET_KEY_PREVIOUS", "SMTP_URL", "SMS_GATEWAY_URL", "SMS_GATEWAY_TOKEN"}
SECRET |= {"OTEL_EXPORTER_OTLP_HEADERS", "SENTRY_DSN", "DATABASE_MIGRATION_URL"}
SECRET |= {"DATABASE_REPLICA_URLS"}
# The defaults of what a server that is told to stop may wait for, in seconds, what it gives to work in the background, and to
# the last spans and faults.
DRAIN = {"SHUTDOWN_DELAY_SECONDS": 0, "BODY_TIMEOUT_SECONDS": 30, "REQUEST_TIMEOUT_SECONDS": 30, "HEADER_TIMEOUT_SECONDS": 30}
# A mutation may take twice the time of a request.
TIMES = {"REQUEST_TIMEOUT_SECONDS": 2}
LAST_WORKS, LAST_JOBS, LAST_WORDS = 10, 20, 10
# Where the version is said besides Cargo.toml, the first time in each: CHANGELOG.md has the latest release first.
VERSIONED = {
    "CHANGELOG.md": r"^## \[(\d.*?)\] - \d{4}-\d\d-\d\d$",
    "DEPLOYMENT.md": r"docker build --tag rollcall:(\S+)",
    "Dockerfile": r"^ARG VERSION=(.*)$",
    "compose.yaml": r"image: rollcall:(.*)$",
    "helm/rollcall/Chart.yaml": r"^appVersion: (.*)$",
}
CREDENTIALS = re.compile(r"://[^/\s]*:[^/\s]*@")

problems = []


def check(holds, message):
    if not holds:
        problems.append(message)


def load(text):
    return [document for document in YAML(typ="safe", pure=True).load_all(text) if document]


def schemas(source, target):
    """They refer to each other by an address under which there is nothing; beside each other they are."""
    Path(target).mkdir()
    for file in Path(source).glob("*.json"):
        schema = json.loads(file.read_text().replace("/api/_definitions.json#", "_definitions.json#"))
        schema.pop("$id", None)
        (Path(target) / file.name).write_text(json.dumps(schema))


def tree():
    """A variable is known to the chart or it is forgotten; versions are one."""
    variables = set(re.findall(r"^#([A-Z][A-Z0-9_]*)=", Path(".env.example").read_text(), re.M))
    schema = json.loads((CHART / "values.schema.json").read_text())
    config = set(schema["properties"]["config"]["properties"])
    known = config | MANAGED | SECRET
    check(variables <= known, f"not in `config` of values.schema.json: {sorted(variables - known)}")
    check(known <= variables, f"not in .env.example: {sorted(known - variables)}")
    check(not config & (MANAGED | SECRET), f"twice: {sorted(config & (MANAGED | SECRET))}")
    closed(schema, "values.schema.json")
    version = re.search(r'^version = "(.*)"', Path("Cargo.toml").read_text(), re.M)[1]
    for file, place in VERSIONED.items():
        found = re.findall(place, Path(file).read_text(), re.M)
        check(found[:1] == [version], f"{file} has version {found[:1]}, Cargo.toml {version}")


def closed(schema, path):
    """Every object of which properties are listed has no others."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
            check(schema.get("additionalProperties") is False, f"{path} takes more properties than it lists")
        for key, value in schema.items():
            closed(value, f"{path}/{key}")


def matches(selector, labels):
    return selector.items() <= labels.items()


def rendered(values, manifests):
    by_kind = {}
    for manifest in manifests:
        by_kind.setdefault(manifest["kind"], []).append(manifest)
    of = lambda kind: by_kind.get(kind, [])  # noqa: E731
    name = lambda manifest: f"{values}: {manifest['kind']} {manifest['metadata']['name']}"  # noqa: E731
    deployments, jobs = of("Deployment"), of("Job")
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    check(len(names) == len(set(names)), f"{values}: two of one name")
    check(deployments, f"{values}: has no deployment")
    check(not of("Secret"), f"{values}: has a Secret")

    for manifest in deployments + jobs:
        pod = manifest["spec"]["template"]
        hardened(name(manifest), pod["spec"])
        check(bool(pod["spec"]["volumes"]), f"{name(manifest)}: has nowhere to write")
        for container in pod["spec"]["containers"]:
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
            check(mounts == volumes, f"{name(manifest)}: volumes and mounts differ")

    for manifest in deployments:
        template = manifest["spec"]["template"]
        check("checksum/config" in template["metadata"]["annotations"], f"{name(manifest)}: has no checksum/config")
        selected = [other for other in deployments + jobs
                    if matches(manifest["spec"]["selector"]["matchLabels"], other["spec"]["template"]["metadata"]["labels"])]
        check(selected == [manifest], f"{name(manifest)}: selects {len(selected)} kinds of pods, and not its own alone")
        for spread in template["spec"]["topologySpreadConstraints"]:
            own = matches(spread["labelSelector"]["matchLabels"], template["metadata"]["labels"])
            check(own, f"{name(manifest)}: spreads other pods")
        for container in template["spec"]["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                check(probe in container, f"{name(manifest)}: has no {probe}")
            live = container.get("livenessProbe", {})
            check(live.get("httpGet", {}).get("path") == "/health/live",
                  f"{name(manifest)}: liveness depends on something else")
            check(live.get("httpGet", {}).get("port") == "admin", f"{name(manifest)}: a full one is started anew")
            for reference in container["envFrom"]:
                wanted = reference.get("configMapRef", {}).get("name")
                there = [None] + [config["metadata"]["name"] for config in of("ConfigMap")]
                check(wanted in there, f"{name(manifest)}: no ConfigMap {wanted}")
            drains(name(manifest), container["args"], template["spec"], of("ConfigMap")[0]["data"])

    apart = any(manifest["metadata"]["name"].endswith("-worker") for manifest in deployments)
    variables(values, of("ConfigMap"), jobs, worker_apart=apart)
    for job in jobs:
        check(job["metadata"]["annotations"].get("helm.sh/hook") == "pre-install,pre-upgrade", f"{name(job)}: is no hook")

    pods = [manifest["spec"]["template"] for manifest in deployments]
    ports = lambda pod: {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}  # noqa: E731
    for service in of("Service"):
        chosen = [pod for pod in pods if matches(service["spec"]["selector"], pod["metadata"]["labels"])]
        check(chosen, f"{name(service)}: selects nobody")
        for port in service["spec"]["ports"]:
            target = port["targetPort"]
            check(all(target in ports(pod) for pod in chosen), f"{name(service)}: some have no port {target}")
            headless = service["spec"].get("clusterIP") == "None"
            check(target != "admin" or headless, f"{name(service)}: has the metrics beside the API")
    for manifest in of("PodDisruptionBudget"):
        selector = manifest["spec"]["selector"]["matchLabels"]
        chosen = [pod for pod in pods if matches(selector, pod["metadata"]["labels"])]
        check(len(chosen) == 1, f"{name(manifest)}: is of {len(chosen)} kinds of pods")
    for manifest in of("NetworkPolicy"):
        everybody = pods + [job["spec"]["template"] for job in jobs]
        selector = manifest["spec"]["podSelector"]["matchLabels"]
        check(all(matches(selector, pod["metadata"]["labels"]) for pod in everybody), f"{name(manifest)}: leaves pods out")
        for rule in manifest["spec"]["ingress"]:
            admin = any(port["port"] == "admin" for port in rule["ports"])
            check(not admin or rule.get("from"), f"{name(manifest)}: lets everybody read the metrics")
    for manifest in of("HorizontalPodAutoscaler"):
        wanted = manifest["spec"]["scaleTargetRef"]["name"]
        scaled = [deployment["spec"] for deployment in deployments if deployment["metadata"]["name"] == wanted]
        check(len(scaled) == 1 and "replicas" not in scaled[0], f"{name(manifest)}: and who says how many there are?")
    for manifest in of("Ingress"):
        hosts = [rule["host"] for rule in manifest["spec"]["rules"]]
        allowed = of("ConfigMap")[0]["data"]["ALLOWED_HOSTS"].split(",")
        check(set(hosts) <= set(allowed), f"{name(manifest)}: {hosts} are not all of ALLOWED_HOSTS")
        for rule in manifest["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                wanted = path["backend"]["service"]
                doors = [(service["metadata"]["name"], port["name"]) for service in of("Service") for port in service["spec"]["ports"]]
                check((wanted["name"], wanted["port"]["name"]) in doors, f"{name(manifest)}: leads nowhere")
    for manifest in of("ServiceMonitor"):
        selector = manifest["spec"]["selector"]["matchLabels"]
        chosen = [service for service in of("Service") if matches(selector, service["metadata"]["labels"])]
        check(len(chosen) == 1, f"{name(manifest)}: watches {len(chosen)} services")
        doors = [port["name"] for service in chosen for port in service["spec"]["ports"]]
        asked = [endpoint["port"] for endpoint in manifest["spec"]["endpoints"]]
        check(set(asked) <= set(doors), f"{name(manifest)}: asks a port that is not there")


def hardened(who, spec):
    check(spec.get("automountServiceAccountToken") is False, f"{who}: gets a token of the cluster")
    check(spec.get("securityContext", {}).get("seccompProfile") == {"type": "RuntimeDefault"}, f"{who}: seccomp")
    for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
        check(not spec.get(forbidden), f"{who}: {forbidden}")
    for container in spec["containers"] + spec.get("initContainers", []):
        wanted = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        check(container.get("securityContext") == wanted, f"{who}: its security context is {container.get('securityContext')}")
        check({"requests", "limits"} <= container.get("resources", {}).keys(), f"{who}: has no resources")
        check(not container["image"].endswith(":latest"), f"{who}: an image that changes")


def drains(who, args, spec, data):
    """A pod that is told to stop has the time that it takes."""
    if args == ["serve"]:
        waits = [TIMES.get(variable, 1) * int(data.get(variable, default)) for variable, default in DRAIN.items()]
        least = sum(waits) + LAST_WORKS + LAST_WORDS
    else:
        least = LAST_JOBS + LAST_WORKS + LAST_WORDS
    given = spec["terminationGracePeriodSeconds"]
    check(given >= least, f"{who}: is killed after {given} s, and may need {least}")


def variables(values, maps, jobs, worker_apart):
    check(len(maps) == 1, f"{values}: {len(maps)} ConfigMaps")
    data = maps[0]["data"]
    for variable, value in data.items():
        check(isinstance(value, str), f"{values}: {variable} is no string")
        check(variable not in SECRET and not CREDENTIALS.search(str(value)), f"{values}: {variable} is a secret, in a ConfigMap")
        said = load(Path(values).read_text())[0].get("config", {}).get(variable)
        check(not isinstance(said, (int, float)) or json.loads(value) == said, f"{values}: {variable} is {said}, and written as {value}")
    check(data["WORKER"] == ("false" if worker_apart else "true"), f"{values}: nobody does the queue's work, or everybody")
    for job in jobs:
        given = {pair["name"]: pair["value"] for pair in job["spec"]["template"]["spec"]["containers"][0]["env"]}
        check(given == data, f"{values}: migrations run with other variables than the rest")


def compose(project):
    services = project["services"]
    for name, service in services.items():
        check("privileged" not in service and service.get("network_mode") != "host", f"{name}: more rights than it needs")
        check("no-new-privileges:true" in service.get("security_opt", []), f"{name}: may gain privileges")
        image = service.get("image", "")
        check("build" in service or re.search(r":[\w.-]*\d", image), f"{name}: {image} has no version")
        for port in service.get("ports", []):
            check(port.get("host_ip") == "127.0.0.1", f"{name}: port {port['target']} is open to everybody")
    text = Path("compose.yaml").read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    said = set(re.findall(r"^#?([A-Z_]+)=", Path("deploy/compose.env.example").read_text(), re.M))
    check(asked == said, f"compose.yaml asks for {sorted(asked)}, and deploy/compose.env.example has {sorted(said)}")
    check(not re.search(r"(?i)(password|secret_key|token)[\"']?\s*[:=]\s*[^\s$\"'{?]", text), "compose.yaml: a secret is written in it")


def main():
    match sys.argv[1:]:
        case ["schemas", source, target]:
            schemas(source, target)
        case ["tree"]:
            tree()
        case ["rendered", values]:
            rendered(values, load(sys.stdin.read()))
        case ["compose"]:
            compose(json.load(sys.stdin))
        case _:
            sys.exit(__doc__)
    for problem in problems:
        print(f"chart: {problem}", file=sys.stderr)
    sys.exit(bool(problems))


main()
