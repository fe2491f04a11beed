# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the fabric: ours by their first line, whole, undone with everything else, and read by those they are for."""

import os
import shutil
import stat

import pytest
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.apply import Applier
from ansible_collections.nodenet.fabric.plugins.module_utils.engine.errors import Conflict, InputError, KernelError
from ansible_collections.nodenet.fabric.plugins.module_utils.persistence import commit, snapshot
from ansible_collections.nodenet.fabric.plugins.module_utils.specs import sets
from ansible_collections.nodenet.fabric.plugins.module_utils.specs.registry import SPECS
from ansible_collections.nodenet.fabric.plugins.module_utils.system import resolver, systemd
from ansible_collections.nodenet.fabric.plugins.plugin_utils.inventory.model import fabric_model
from ansible_collections.nodenet.fabric.plugins.plugin_utils.node import node_model
from commits import OLD, arrange

pytestmark = pytest.mark.usefixtures("own_etc")
DROP_IN = "/etc/systemd/system/web.service.d/nodenet-fabric.conf"
HOSTS = "/etc/netns/red/hosts"
IN_RED = "[Service]\nNetworkNamespacePath=/run/netns/red\n"


def read(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def programs(monkeypatch):
    """systemd as it would be asked; what the kind runs is kept."""
    ran = []
    monkeypatch.setattr(systemd, "has_systemd", lambda: True)
    monkeypatch.setattr(systemd, "failure_of", ran.append)
    monkeypatch.setattr(systemd, "main_pid", lambda unit: None)
    return ran


def test_a_file_is_made_changed_and_removed_with_its_folders(node):
    assert node.task("config_file", path=HOSTS, content="10.0.0.2 web", owner="names")["changed"]
    assert read(HOSTS) == "# nodenet.fabric/names\n10.0.0.2 web\n" and mode(HOSTS) == 0o644
    assert not node.task("config_file", path=HOSTS, content="10.0.0.2 web\n", owner="names")["changed"]
    found = node.task("config_file", path=HOSTS, content="10.0.0.3 web", mode="0600", owner="names")
    diff = found["diff"]()[0]
    assert "10.0.0.2 web" in str(diff["before"]) and "10.0.0.3 web" in str(diff["after"])
    assert read(HOSTS).endswith("\n10.0.0.3 web\n") and mode(HOSTS) == 0o600
    assert node.task("config_file", path=HOSTS, state="absent", owner="names")["changed"]
    assert not os.path.exists("/etc/netns")


def test_a_folder_with_other_files_stays(node):
    node.task("config_file", path=HOSTS, content="x")
    node.sh("echo theirs >/etc/netns/red/resolv.conf")
    node.task("config_file", path=HOSTS, state="absent")
    assert os.listdir("/etc/netns/red") == ["resolv.conf"]


def test_a_file_whose_mode_somebody_changed_is_mended(node):
    node.task("config_file", path=HOSTS, content="x")
    os.chmod(HOSTS, 0o666)
    assert node.task("config_file", path=HOSTS, content="x")["changed"] and mode(HOSTS) == 0o644


@pytest.mark.parametrize("make", ["echo theirs >{0}", "ln -s /etc/hosts {0}", "mkdir {0}", "printf '\\377\\n' >{0}"])
def test_a_foreign_file_is_refused_and_left(node, make):
    node.sh(f"mkdir -p /etc/netns/red && {make.format(HOSTS)}")
    before = node.sh(f"ls -lA --time-style=full-iso {HOSTS}"), node.sh("cat /etc/hosts")
    with pytest.raises(Conflict, match="hosts.*exists and does not belong to the fabric"):
        node.task("config_file", path=HOSTS, content="x")
    node.task("config_file", path="/etc/netns/red/other", content="x", purge=True)
    assert (node.sh(f"ls -lA --time-style=full-iso {HOSTS}"), node.sh("cat /etc/hosts")) == before


def test_one_that_is_adopted_is_ours(node):
    node.sh(f"mkdir -p /etc/netns/red && echo theirs >{HOSTS}")
    assert node.task("config_file", path=HOSTS, content="ours", adopt=True)["changed"]
    assert read(HOSTS) == "# nodenet.fabric/default\nours\n"


def test_what_is_no_file_is_not_written_over(node):
    node.sh(f"mkdir -p /etc/netns/red && ln -s /etc/hosts {HOSTS}")
    before = read("/etc/hosts")
    with pytest.raises(KernelError, match="is no regular file: remove it.*as it was before"):
        node.task("config_file", path=HOSTS, content="ours", adopt=True)
    assert os.path.islink(HOSTS) and read("/etc/hosts") == before


def test_a_failure_brings_back_every_file_as_it_was(node, monkeypatch):
    node.task("config_file", path=HOSTS, content="one", mode="0600")
    node.task("config_file", path="/etc/nodenet/gone", content="two")
    files = [HOSTS, "/etc/nodenet/gone"]
    before = [(read(path), mode(path)) for path in files]

    def fail(*_words):
        raise RuntimeError("made to fail")

    with monkeypatch.context() as patch:
        patch.setattr(Applier, "_verify", fail)
        with pytest.raises(KernelError, match="as it was before"):
            config = [{"path": HOSTS, "content": "other"}, {"path": "/run/flannel/subnet.env", "content": "x"}]
            node.task("config_file", config=config, purge=True)
    assert [(read(path), mode(path)) for path in files] == before
    assert not os.path.exists("/run/flannel")


def test_files_are_found_again_without_the_marks_of_this_boot(node):
    """A reboot takes /run, and the files below /etc stay ours."""
    node.task(
        "config_file", config=[{"path": HOSTS, "content": "x"}, {"path": DROP_IN, "content": IN_RED}], owner="systemd"
    )
    node.sh("rm -rf /run/nodenet && echo theirs >/etc/systemd/system/web.service.d/mine.conf")
    node.task("config_file", config=[], purge=True, owner="other")
    assert os.path.exists(HOSTS) and os.path.exists(DROP_IN)
    node.task("config_file", config=[], purge=True, owner="systemd")
    assert os.listdir("/etc/systemd/system/web.service.d") == ["mine.conf"] and not os.path.exists("/etc/netns")


@pytest.mark.parametrize(
    "path", ["/etc/hosts", "etc/nodenet/x", "/etc/nodenet/../shadow", "/etc/nodenet/a/b", "/etc/nodenet/.", "/etc/nodenet/a b",
             "/etc/nodenet/.x", "/etc/systemd/system/web.service", "/etc/nodenet/\x1b", "/etc/nodenet/*"],
)  # fmt: skip
def test_a_path_elsewhere_is_refused(node, path):
    with pytest.raises(InputError, match="path: .* is none of /etc/netns"):
        node.task("config_file", path=path, content="x")


@pytest.mark.parametrize("given", ["0o644", "644x", "rw-r--r--", "07777"])
def test_what_is_no_mode_is_refused(node, given):
    with pytest.raises(InputError, match="mode: .* is no mode such as '0644'"):
        node.task("config_file", path=HOSTS, content="x", mode=given)


def test_one_text_is_needed(node):
    for options in ({}, {"content": "x", "name_servers": True}):
        with pytest.raises(InputError, match="content: .* has either content or name_servers"):
            node.task("config_file", path=HOSTS, **options)


def test_the_commands_do_the_same(node):
    text = 'it\'s 100% \\n "x" $HOME `id`\n\n# two\tüber\n'
    planned = node.task("config_file", _check=True, path=HOSTS, content=text, mode="0600")
    assert not os.path.exists(HOSTS)
    node.sh(" && ".join(planned["commands"]))
    by_hand = read(HOSTS), mode(HOSTS)
    assert not node.task("config_file", path=HOSTS, content=text, mode="0600")["changed"]
    removal = node.task("config_file", _check=True, path=HOSTS, state="absent")["commands"]
    node.sh(" && ".join(removal))
    assert not os.path.exists("/etc/netns")
    node.task("config_file", path=HOSTS, content=text, mode="0600")
    assert (read(HOSTS), mode(HOSTS)) == by_hand


def test_what_is_about_a_namespace_comes_after_it_and_goes_before_it(node):
    """Also where only its text names the namespace."""
    files = [{"path": HOSTS, "content": "x"}, {"path": DROP_IN, "content": IN_RED}]
    made = sets.arrange(declared(netns=[{"name": "red"}], config_file=files), False)["commands"]
    assert [command.split()[0] for command in made] == ["ip", "ip", "printf", "printf"]
    gone = sets.arrange(declared(netns=[], config_file=[]), False)["commands"]
    assert gone[-1] == "ip netns del red" and not os.path.exists(DROP_IN) and not os.path.exists(HOSTS)


def declared(**lists):
    """Return the parameters of arrange for one set."""
    one = {"owner": "mine", "purge": True, **lists}
    whole = {"remove_sets_except": None, "remove_sets_among": None, "peer_sets": None, "adopt": False, "promised": []}
    return {**dict.fromkeys(SPECS), "owner": "default", "purge": False, **whole, "sets": [one]}


def test_systemd_reads_what_changed_once(node, programs):
    tmpfiles = "/etc/tmpfiles.d/nodenet-flannel.conf"
    config = [{"path": DROP_IN, "content": IN_RED}, {"path": DROP_IN.replace("web", "db"), "content": IN_RED}]
    planned = node.task("config_file", _check=True, config=[*config, {"path": tmpfiles, "content": "d /run/flannel"}])
    assert (
        "systemctl daemon-reload" in planned["commands"]
        and f"systemd-tmpfiles --create {tmpfiles}" in planned["commands"]
    )
    assert programs == []
    node.task(
        "config_file",
        config=[*config, {"path": tmpfiles, "content": "d /run/flannel"}, {"path": HOSTS, "content": "x"}],
    )
    assert programs == [["systemctl", "daemon-reload"], ["systemd-tmpfiles", "--create", tmpfiles]]
    programs.clear()
    node.task("config_file", path=HOSTS, content="y")
    assert programs == []
    node.task("config_file", config=[], purge=True)
    assert programs == [["systemctl", "daemon-reload"]]


def test_a_service_that_runs_elsewhere_is_told(node, programs, monkeypatch):
    node.task("netns", name="red")
    monkeypatch.setattr(systemd, "main_pid", lambda unit: {"web.service": os.getpid(), "db.service": None}[unit])
    config = [{"path": DROP_IN, "content": IN_RED}, {"path": DROP_IN.replace("web", "db"), "content": IN_RED}]
    (warning,) = node.task("config_file", config=config)["warnings"]
    assert warning.startswith(
        "web.service is not in the namespace of the endpoint red until it is restarted: systemctl restart"
    )
    node.task("config_file", config=[], purge=True)
    inside = node.spawn("ip netns exec red sleep 1000")
    monkeypatch.setattr(systemd, "main_pid", lambda unit: inside)
    assert "warnings" not in node.task("config_file", config=config)
    (warning, _other) = node.task("config_file", config=[], purge=True)["warnings"]
    assert "is not in the node's own namespace until it is restarted" in warning
    os.kill(inside, 9)


def test_name_servers_that_only_the_node_reaches_are_left_out(node, tmp_path, monkeypatch):
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\nsearch example.org\n", encoding="utf-8")
    real.write_text(
        "# by hand\nnameserver 192.0.2.1\nnameserver ::1\nnameserver fe80::1%eth0\nsearch example.org\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(resolver, "SOURCES", (str(tmp_path / "none"), str(stub), str(real)))
    node.task("config_file", path="/etc/netns/red/resolv.conf", name_servers=True)
    assert read("/etc/netns/red/resolv.conf").splitlines()[1:] == [
        "nameserver 192.0.2.1",
        "nameserver fe80::1%eth0",
        "search example.org",
    ]
    monkeypatch.setattr(resolver, "SOURCES", (str(stub),))
    assert node.task("config_file", path="/etc/netns/red/resolv.conf", name_servers=True)["changed"]
    assert "no name server" in read("/etc/netns/red/resolv.conf")


def test_a_namespace_sees_its_own_files(node):
    node.task("netns", name="red")
    node.task("config_file", path=HOSTS, content="192.0.2.7 only-in-red")
    assert "192.0.2.7" in node.sh("ip netns exec red getent hosts only-in-red")
    node.task("config_file", path=HOSTS, state="absent")
    node.sh("ip netns exec red getent hosts only-in-red", fails=True)


def test_a_cancelled_change_gives_every_file_back(arranged):
    """Also one that is only in the commit, and one that the commit removed."""
    arranged.task(
        "config_file", config=[{"path": HOSTS, "content": "one"}, {"path": DROP_IN, "content": IN_RED}], owner="lab"
    )
    before = read(HOSTS), read(DROP_IN)
    lists = {**OLD, "config_file": [{"path": HOSTS, "content": "two"}, {"path": "/etc/nodenet/new", "content": "x"}]}
    assert arrange(lists, "c1")["changed"]
    assert read(HOSTS).endswith("two\n") and not os.path.exists(DROP_IN) and os.path.exists("/etc/nodenet/new")
    done = commit.cancel("c1")
    assert done["left"] == [] and (read(HOSTS), read(DROP_IN)) == before and not os.path.exists("/etc/nodenet")


def test_a_file_is_not_saved_and_boot_leaves_it_alone(node, tmp_path):
    node.task("netns", name="red")
    node.task("config_file", path=HOSTS, content="x")
    path = str(tmp_path / "fabric.json")
    assert [one.kind for one in snapshot.save(path)] == ["netns"]
    node.sh("ip netns del red && rm -r /run/nodenet")
    snapshot.restore(path)
    assert read(HOSTS).endswith("\nx\n") and "red" in node.sh("ip netns list")


@pytest.mark.skipif(not shutil.which("systemd-tmpfiles"), reason="no systemd-tmpfiles")
def test_at_boot_flannels_file_is_made_as_the_module_wrote_it(node):
    """systemd-tmpfiles itself reads what the inventory's file says: no difference is left for the next site."""
    rows = {"fabric_node_address": "192.0.2.1", "fabric_node_subnet": "10.5.0.0/24", "fabric_engines": ["cni"]}
    files = node_model(fabric_model({"n1": rows}), "n1")["engines"]["files"]["cni"]
    node.task("config_file", config=files, owner="cni")
    written = read("/run/flannel/subnet.env")
    assert "FLANNEL_SUBNET=10.5.0.1/24\n" in written
    node.sh("rm -r /run/flannel && systemd-tmpfiles --create /etc/tmpfiles.d/nodenet-flannel.conf")
    assert read("/run/flannel/subnet.env") == written
    assert not node.task("config_file", config=files, owner="cni")["changed"]
    node.sh(". /run/flannel/subnet.env && test $FLANNEL_MTU = 1500")
