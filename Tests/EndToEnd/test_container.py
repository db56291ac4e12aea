"""The container's recipe: the program in a root that holds nothing but what the image holds."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from harness.authority import Authority
from harness.backend import reply
from harness.client import RawConnection, request_bytes
from harness.polling import wait_for
from harness.ports import free_port
from harness.proxy import REPOSITORY, binary, environment
from harness.secure import BackendTLS

CONTAINER = REPOSITORY / "Sources/waybill/Container"
KUBERNETES = CONTAINER / "kubernetes.yaml"
USER = 65532

as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("strip"), reason="needs root, chroot and strip"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """What the recipe copies into the image, and what an engine adds to it."""
    folder = tmp_path_factory.mktemp("image") / "root"
    subprocess.run([CONTAINER / "collect", binary(), folder], check=True, timeout=60)
    (folder / "etc/hosts").write_text("127.0.0.1 localhost backend\n")
    return folder


class Container:
    """The program as the engine starts it: its own root, no privileges, pipes."""

    def __init__(self, image, conf):
        (image / "etc/waybill/waybill.conf").write_text(conf)
        self.process = subprocess.Popen(
            ["chroot", f"--userspec={USER}:{USER}", "--groups=", image, *entry_point()],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip

    def get(self, port):
        def accepts():
            assert self.process.poll() is None, self.process.communicate()
            try:
                return RawConnection(port)
            except ConnectionRefusedError:
                return None

        with wait_for(accepts, "listening", 10) as connection:
            return connection.exchange(request_bytes(fields={"X-Request-ID": "from-outside"}))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        output, errors = self.process.communicate(timeout=15)
        return self.process.returncode, output, errors


def entry_point():
    """The recipe's own words for the command."""
    text = (CONTAINER / "Dockerfile").read_text()
    lists = [re.search(rf"^{word} \[(.*)\]$", text, re.M)[1] for word in ("ENTRYPOINT", "CMD")]
    return re.findall(r'"([^"]*)"', " ".join(lists))


@as_root
def test_the_brought_along_conf_file_serves(image):
    port = free_port()
    conf = (CONTAINER / "waybill.conf").read_text()
    container = Container(image, conf.replace("listen 8080", f"listen 127.0.0.1:{port}"))
    response = container.get(port)
    assert response.status == 200 and b"from-outside" in response.body
    code, output, errors = container.end()
    assert code == 0 and '"request_id":"from-outside"' in output, (output, errors)


@as_root
def test_names_are_resolved_and_certificates_are_checked(image, make_backend, tmp_path):
    """A backend by name, with a certificate of an authority that the image's roots hold."""
    authority = Authority(tmp_path)
    backend = make_backend(reply(), wrap=BackendTLS(authority.issue("backend")))
    conf = f"""access_log stdout json; error_log stderr; pid /run/waybill.pid;
        server {{ listen 127.0.0.1:%d;
          location / {{ proxy_pass https://backend:{backend.address.rpartition(":")[2]}; }} }}"""
    roots = image / "etc/ssl/certs/ca-certificates.crt"
    system = roots.read_text()
    answers = []
    for text in (system, system + authority.file.read_text()):
        roots.write_text(text)
        port = free_port()
        container = Container(image, conf % port)
        answers.append(container.get(port).status)
        assert container.end()[0] == 0
    assert answers == [502, 200]


@as_root
def test_the_image_is_small_and_nothing_in_it_can_be_changed_by_its_user(image):
    files = [path for path in image.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40_000_000
    own = {str(path.relative_to(image)) for path in image.rglob("*") if path.stat().st_uid == USER}
    assert own == {"run", "tmp", "var/tmp"}
    assert not (image / "bin/sh").exists() and not (image / "usr/bin/sh").exists()


def test_the_recipe_copies_what_there_is():
    text = (CONTAINER / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(\S+) \S+$", text, re.M)
    assert copied == ["Package.swift", "Sources", "Tests"]
    assert all((REPOSITORY / name).exists() for name in copied)
    collect = re.search(r"^RUN (\S+/collect) (\S+) /image$", text, re.M)
    assert (REPOSITORY / collect[1]).exists() and collect[2] == ".build/release/waybill"
    assert f"USER {USER}:{USER}" in text and "COPY --from=build /image /" in text


@pytest.fixture(scope="module")
def manifests():
    yaml = pytest.importorskip("yaml")
    return {each["kind"]: each for each in yaml.safe_load_all(KUBERNETES.read_text())}


def test_the_manifests_follow_the_schemas_of_kubernetes(manifests):
    schemas = pytest.importorskip("kubernetes_validate")
    for manifest in manifests.values():
        schemas.validate(manifest, "1.30", strict=True)
    manifests["Service"]["nonsense"] = 1
    with pytest.raises(schemas.ValidationError):
        schemas.validate(manifests["Service"], "1.30", strict=True)


def test_the_manifests_agree_with_each_other_and_the_conf_file(manifests, tmp_path):
    conf = manifests["ConfigMap"]["data"]["waybill.conf"]
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    seconds = [int(re.search(rf"{name}\s+(\d+)s;", conf)[1])
               for name in ("shutdown_delay", "shutdown_timeout")]  # fmt: skip
    assert pod["terminationGracePeriodSeconds"] > sum(seconds)
    assert f"location = {container['readinessProbe']['httpGet']['path']} {{" in conf
    assert f"listen {container['ports'][0]['containerPort']};" in conf
    assert pod["securityContext"]["runAsUser"] == USER
    assert container["volumeMounts"][0]["mountPath"] == "/etc/waybill"
    file = tmp_path / "waybill.conf"
    file.write_text(conf.replace("http://shop:", "http://127.0.0.1:"))
    result = subprocess.run([binary(), "-t", "-c", file], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
