"""The examples of deployment are what their readers take, and speak of settings and commands that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import compose_spec
import crossplane
import kubernetes_validate
import pytest
import yaml
from typer.main import get_command

from forecast.cli import app
from forecast.settings import SECRETS, Settings, variable
from tests.support import ROOT
from tests.support.documents import Json

DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
KUBERNETES = DEPLOY / "kubernetes"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
#: The oldest and the newest Kubernetes whose schemas the manifests are held against.
VERSIONS = ("1.29", kubernetes_validate.latest_version())


def manifests() -> list[tuple[str, Json]]:
    files = [file for file in sorted(KUBERNETES.glob("*.yaml")) if file.name != "kustomization.yaml"]
    return [(file.name, one) for file in files for one in yaml.safe_load_all(file.read_text())]


def pods() -> Iterator[tuple[str, Json]]:
    """The specification of each pod, by the kind of what makes it."""
    for _, manifest in manifests():
        spec = manifest.get("spec", {})
        if manifest["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield manifest["kind"], spec["template"]["spec"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_setting_exists(file: Path) -> None:
    named = set(re.findall(r"ORECAST_[A-Z_]+", file.read_text())) - {"ORECAST_NAME"}  # which stands for any
    known = {variable(name) for name in Settings.model_fields} | {f"{variable(name)}_FILE" for name in SECRETS}
    assert named <= known


def test_every_value_of_a_setting_is_one_that_the_settings_take() -> None:
    given = dict(re.findall(r"(ORECAST_[A-Z_]+)=([\w./:@-]+)", (DEPLOY / "orecast.cron").read_text()))
    for service in COMPOSE["services"].values():
        given |= {name: text for name, text in service.get("environment", {}).items() if name.startswith("ORECAST_")}
    for _, manifest in manifests():
        if manifest["kind"] == "ConfigMap":
            given |= manifest["data"]
    for _, pod in pods():
        for container in pod["containers"]:
            given |= {one["name"]: one["value"] for one in container.get("env", ())}
    assert {"ORECAST_AUTH", "ORECAST_SCHEDULE", "ORECAST_TRUSTED_PROXIES", "ORECAST_PUBLISH_DIR"} <= given.keys()
    Settings.from_env({name: text for name, text in given.items() if not name.endswith("_FILE")})


def commands() -> Iterator[list[str]]:
    """Each command of ours in the examples, in words."""
    for service in COMPOSE["services"].values():
        yield list(service.get("command", ()))
    for file in FILES:
        for line in re.findall(r"bin/orecast ([^>;\n]+)", file.read_text()):
            yield shlex.split(line)
        for line in re.findall(r"^#   orecast ([^>;\n]+)", file.read_text(), re.MULTILINE):
            yield shlex.split(line)
    for _, pod in pods():
        for container in pod["containers"]:
            yield list(container.get("args", ()))
            for line in re.findall(r"orecast ([^;]+)", " ".join(container.get("command", ()))):
                yield shlex.split(line)
    yield re.findall(r'CMD \["(\w+)"\]', (DEPLOY / "Containerfile").read_text())


def test_every_command_can_be_parsed() -> None:
    found = [words for words in commands() if words]
    assert {words[0] for words in found} == {"run", "serve", "worker", "fetch", "retrain", "publish", "keys"}
    for words in found:
        command, given = COMMANDS[words[0]], words[1:]
        while hasattr(command, "commands"):
            command, given = command.commands[given[0]], given[1:]
        command.make_context(words[0], given)  # raises for an option that it has not


def test_the_table_names_every_file() -> None:
    readme = (DEPLOY / "README.md").read_text()
    for file in FILES:
        assert (
            file.suffix == ".dockerignore"
            or file.name == "README.md"
            or f"`{file.relative_to(DEPLOY).parts[0]}" in readme
        )


def test_the_compose_file_is_one() -> None:
    whole = compose_spec.PyCompose.from_yaml(yaml.safe_dump(COMPOSE))  # which knows no merge keys of YAML
    assert set(whole.services or ()) == {"database", "service", "worker"}
    for service in COMPOSE["services"].values():
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert {mount.split(":")[0] for mount in service["volumes"]} <= COMPOSE["volumes"].keys()
        assert not [name for name in service.get("environment", ()) if re.search("PASSWORD$|URL$", name)], "files"


def test_the_files_of_secrets_go_neither_into_the_image_nor_into_the_repository() -> None:
    folders = {Path(secret["file"]).parent for secret in COMPOSE["secrets"].values()}
    assert folders == {Path("secrets")}
    last = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()[-1]
    assert last == "deploy/secrets", "after what lets deploy in"
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_container_file_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, DEPLOY / "Containerfile"], capture_output=True, text=True)
    assert (found.stdout + found.stderr, found.returncode) == ("", 0)


def test_the_image_runs_as_nobody_in_particular_and_is_of_one_version() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    assert re.search(r"^USER (\d+):\1$", text, re.MULTILINE)
    assert re.search(r"^ARG PYTHON=3\.11\.\d+-slim-\w+$", text, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:${PYTHON}"] * 2
    assert all("--constraint" in line or "pip wheel" in line for line in re.findall(r"pip \w+ .*", text))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "manifest"), manifests(), ids=lambda one: one if isinstance(one, str) else "")
def test_the_manifests_are_what_kubernetes_takes(name: str, manifest: Json, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_manifest_that_kubernetes_would_not_take_is_noticed() -> None:
    (_, deployment) = next(one for one in manifests() if one[1]["kind"] == "Deployment")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**deployment, "spec": {"replica": 2}}, VERSIONS[-1], strict=True)


def test_what_the_manifests_refer_to_is_there() -> None:
    there = {(one["kind"], one["metadata"]["name"]): one for _, one in manifests()}
    found = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    listed = {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(found["resources"]) == listed
    for kind, pod in pods():
        text = yaml.safe_dump(pod)
        for name in re.findall(r"claimName: (\S+)", text):
            assert ("PersistentVolumeClaim", name) in there
        for name in re.findall(r"secretName: (\S+)", text):
            assert ("Secret", name) in there
        for name in re.findall(r"configMapRef:\n\s+name: (\S+)", text):
            assert ("ConfigMap", name) in there
        assert pod["securityContext"]["runAsNonRoot"], kind
        for container in pod["containers"]:
            assert container["image"] == found["images"][0]["name"]
            assert container["resources"]["limits"]["memory"], kind
            assert container["securityContext"]["readOnlyRootFilesystem"], kind
            assert not container["securityContext"]["allowPrivilegeEscalation"], kind
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in pod["volumes"]}, kind
    (secret,) = there[("Secret", "orecast")]["stringData"]
    path = there[("ConfigMap", "orecast")]["data"]["ORECAST_DATABASE_URL_FILE"]
    assert path == f"/run/secrets/orecast/{secret}"


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")
def test_the_kustomization_can_be_built() -> None:
    built = subprocess.run(["kubectl", "kustomize", KUBERNETES], check=True, capture_output=True, text=True).stdout
    kinds = sorted(one["kind"] for one in yaml.safe_load_all(built))
    assert kinds == ["ConfigMap", "CronJob", "Deployment", "PersistentVolumeClaim", "Service", "StatefulSet"]
    assert "image: orecast:" in built


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:  # the command that they start is not installed here
        text = unit.read_text().replace("/opt/orecast/bin/orecast", sys.executable)
        (tmp_path / unit.name).write_text(text)
    command: list[str | Path] = ["systemd-analyze", "verify", "--man=no", *(tmp_path / unit.name for unit in UNITS)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.stderr, found.returncode) == ("", 0)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_is_shut_in(unit: Path) -> None:
    lines = unit.read_text().splitlines()
    assert all(re.fullmatch(r"#.*|\[\w+\]|[A-Z]\w+=.*|", line) for line in lines)
    assert {"User=orecast", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    outer = tmp_path / "nginx.conf"
    outer.write_text(f"events {{}}\nhttp {{ include {DEPLOY / 'proxy/nginx.conf'}; }}\n")
    parsed = crossplane.parse(str(outer), strict=True)
    assert (parsed["status"], parsed["errors"]) == ("ok", [])
    if (nginx := shutil.which("nginx")) and (openssl := shutil.which("openssl")):
        pair: list[str | Path] = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
        subprocess.run([openssl, "req", "-x509", "-nodes", "-subj", "/CN=x", *pair], check=True, capture_output=True)
        text = (DEPLOY / "proxy/nginx.conf").read_text().replace("/etc/ssl/orecast", str(tmp_path))
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        text = "\n".join(["access_log off;", *(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds), text])
        outer.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{text}\n}}\n")
        subprocess.run([nginx, "-t", "-q", "-c", outer, "-p", tmp_path], check=True)


@pytest.mark.skipif(not shutil.which("caddy"), reason="caddy is not here")
def test_caddy_takes_its_configuration() -> None:
    command: list[str | Path] = ["caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "proxy/Caddyfile"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_each_proxy_says_how_the_service_knows_its_clients(name: str) -> None:
    text = (DEPLOY / "proxy" / name).read_text()
    assert "ORECAST_TRUSTED_PROXIES=127.0.0.1" in text
    assert "X-Forwarded-For" in text or "reverse_proxy" in text, "Caddy sends it unasked"
    assert text.count("{") == text.count("}")
