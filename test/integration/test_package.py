# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian package of this build. It is not installed here: its files are unpacked beside the system."""

import pathlib
import subprocess

import pytest

from postern import BINARY, ROOT

pytestmark = pytest.mark.release_only


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    run("cpack", "-G", "DEB", "-B", folder, cwd=pathlib.Path(BINARY).parent)
    return next(folder.glob("*.deb"))


@pytest.fixture(scope="module")
def unpacked(package):
    run("dpkg-deb", "-R", package, package.parent / "unpacked")
    return package.parent / "unpacked"


def field(package, name):
    return run("dpkg-deb", "-f", package, name).strip()


def test_it_depends_on_the_libraries_that_it_loads(package):
    depends = field(package, "Depends")
    for name in ("libc6", "libuv1", "libyaml-0-2", "libmicrohttpd12", "libseccomp2", "adduser"):
        assert name in depends
    assert field(package, "Package") == "postern" and field(package, "Version").endswith("-1")
    assert field(package, "Version").split("-")[0] in run(BINARY, "version")
    assert f"({field(package, 'Version')})" in (ROOT / "deploy/debian/changelog").read_text()


def test_its_files_are_where_debian_has_them(unpacked):
    for path in ("usr/bin/postern", "etc/postern/postern.yaml", "usr/lib/systemd/system/postern.service",
                 "usr/lib/systemd/system/postern.socket", "usr/share/man/man1/postern.1.gz",
                 "usr/share/man/man5/postern.yaml.5.gz", "usr/share/doc/postern/copyright",
                 "usr/share/doc/postern/changelog.Debian.gz", "usr/share/doc/postern/examples/minimal.yaml",
                 "usr/share/doc/postern/grafana/postern.json", "usr/share/doc/postern/prometheus/postern-alerts.yaml",
                 "usr/share/bash-completion/completions/postern", "usr/share/zsh/vendor-completions/_postern",
                 "usr/share/fish/vendor_completions.d/postern.fish"):
        assert (unpacked / path).is_file(), path
    assert {path.name for path in unpacked.iterdir()} == {"DEBIAN", "etc", "usr"}
    assert (unpacked / "DEBIAN/conffiles").read_text().split() == ["/etc/postern/postern.yaml"]
    assert run(unpacked / "usr/bin/postern", "version") == run(BINARY, "version")


def test_its_scripts_are_shell_and_make_the_user_of_the_unit(unpacked):
    for name in ("postinst", "prerm", "postrm"):
        run("sh", "-n", unpacked / "DEBIAN" / name)
    assert "--group --quiet" in (unpacked / "DEBIAN/postinst").read_text()
    assert "User=postern" in (unpacked / "usr/lib/systemd/system/postern.service").read_text()


def test_its_configuration_works_after_the_commands_in_it(unpacked):
    home = unpacked / "etc/postern"
    text = (home / "postern.yaml").read_text()
    assert "postern certs init /etc/postern/certs --name localhost" in text
    run(BINARY, "certs", "init", home / "certs", "--name", "localhost")
    assert run(BINARY, "check", "-c", home / "postern.yaml") == ""
