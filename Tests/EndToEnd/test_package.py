"""What is in the Debian package. `Tests/Package/try` installs it on a booted system."""

import os
import shutil
import subprocess

import pytest

from harness.proxy import REPOSITORY, binary, environment

PACKAGE = REPOSITORY / "Sources/waybill/Package"
FILES = {
    "usr/bin/waybill", "etc/waybill/waybill.conf",
    "lib/systemd/system/waybill.service", "lib/systemd/system/waybill.socket",
    "usr/share/bash-completion/completions/waybill", "usr/share/zsh/vendor-completions/_waybill",
    "usr/share/fish/vendor_completions.d/waybill.fish", "usr/share/man/man8/waybill.8.gz",
    "usr/share/doc/waybill/copyright", "usr/share/doc/waybill/changelog.Debian.gz",
    "usr/share/doc/waybill/Directives.md", "usr/share/doc/waybill/examples/proxy.conf.example",
}  # fmt: skip

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("dpkg-deb", "dpkg-shlibdeps", "strip")),
    reason="needs dpkg-dev and binutils",
)


def run(*words):
    result = subprocess.run(
        words, capture_output=True, text=True, timeout=60,
        env=environment() | {"DPKG_DEB_COMPRESSOR_TYPE": "none"},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    said = run(PACKAGE / "build", "--binary", binary(), "--revision", "7", "--output", folder)
    return said.splitlines()[-1]


def field(package, name):
    return run("dpkg-deb", "--field", package, name).strip()


def test_it_holds_what_it_should(package, tmp_path):
    run("dpkg-deb", "-R", package, tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found >= FILES, FILES - found
    scripts = {"DEBIAN/postinst", "DEBIAN/prerm", "DEBIAN/postrm"}
    assert all(os.access(tmp_path / name, os.X_OK) for name in {"usr/bin/waybill", *scripts})
    for name in scripts:
        run("sh", "-n", tmp_path / name)
    # The folders that it needs are made when it is installed.
    run(tmp_path / "usr/bin/waybill", "-T", "-c", tmp_path / "etc/waybill/waybill.conf")


def test_its_files_in_etc_are_the_administrators(package):
    listed = set(run("dpkg-deb", "--info", package, "conffiles").split())
    held = {line.split()[-1][1:] for line in run("dpkg-deb", "-c", package).splitlines()
            if "./etc/" in line and not line.startswith("d")}  # fmt: skip
    assert listed == held == {"/etc/waybill/waybill.conf"}


def test_it_names_its_version_and_what_it_needs(package):
    version = run(binary(), "-v").split()[1]
    assert field(package, "Version") == f"{version}-7"
    # Debian 13 added t64 to the names of libraries whose times have 64 bits.
    needed = {each.split()[0].removesuffix("t64") for each in field(package, "Depends").split(", ")}
    libraries = {"libc6", "libssl3", "libstdc++6", "zlib1g", "libbrotli1", "libcrypt1"}
    assert needed >= libraries | {"adduser"}
