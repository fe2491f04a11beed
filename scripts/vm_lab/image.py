# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe of the machines' disk: one image for all of them, kept in the cache by the digest of this file and the keys.

A machine learns what it is after its boot (see :mod:`fleet`): nothing of any machine is in the image.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
SIZE = "3G"  # sparse; the machines' own disks are overlays
USER = "debian"
# the network that only a machine and its own QEMU are on: documentation's (RFC 5737), nobody's fabric has it
MANAGEMENT, MANAGEMENT_ADDRESS, MANAGEMENT_MAC = "192.0.2.0/24", "192.0.2.15/24", "52:54:00:00:00:01"

# the cloud kernel has what the fabric takes: ipip, vxlan, wireguard, veth, bridge, nf_tables
PACKAGES = [
    *("linux-image-cloud-amd64", "initramfs-tools", "kmod", "systemd-sysv", "udev", "dbus"),
    *("openssh-server", "sudo", "netbase", "libnss-myhostname", "procps"),
    *("iproute2", "iputils-ping", "nftables", "tcpdump", "wireguard-tools", "python3", "python3-pyroute2"),
]
# what a machine may have beside it, for those who try how it gets on with the fabric: named, they make an image of its own
EXTRA = {
    "networkd": ["systemd-resolved"],
    "firewalld": ["firewalld"],
    "networkmanager": ["network-manager"],
    "docker": ["docker.io"],
    "ufw": ["ufw"],
    "engines": [
        *("docker.io", "podman", "netavark", "containernetworking-plugins", "lxc", "systemd-container"),
        # without apparmor_parser Docker starts no container on a kernel that has AppArmor
        *("busybox-static", "apparmor"),
    ],
}
# all that tests take beside the usual: one image for them, as it takes a minute to make
MANAGERS = ("firewalld", "networkmanager", "docker", "ufw", "engines")
# they are installed and do not run: a test starts the one that it is about
DISABLED = (
    *("docker.service", "docker.socket", "containerd.service", "podman.service", "podman.socket"),
    *(
        "podman-auto-update.service",
        "podman-auto-update.timer",
        "podman-restart.service",
        "lxc.service",
        "lxc-net.service",
    ),
    *("lxc-monitord.service", "firewalld.service", "NetworkManager.service", "NetworkManager-wait-online.service"),
    *("ufw.service", "machines.target"),
)
CONTAINER_IMAGE = "/usr/share/nodenet-test.tar"
MASKED = "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service"

FILES = {
    # a small one, made for this machine alone; the disk's driver is all that it takes
    "etc/initramfs-tools/conf.d/nodenet": "MODULES=list\nBUSYBOX=n\nFSTYPE=ext4\n",
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\n",
    "etc/kernel-img.conf": "do_symlinks = no\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 0\n",
    f"etc/sudoers.d/{USER}": f"{USER} ALL=(ALL) NOPASSWD: ALL\n",
    "etc/ssh/sshd_config.d/nodenet.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\n",
    "etc/systemd/network/10-management.link": f"[Match]\nMACAddress={MANAGEMENT_MAC}\n[Link]\nName=mgmt0\n",
    "etc/systemd/system/nodenet-management.service": f"""[Unit]
Description=The way in, for SSH
DefaultDependencies=no
Requires=sys-subsystem-net-devices-mgmt0.device
After=sys-subsystem-net-devices-mgmt0.device
Before=network.target ssh.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/ip link set mgmt0 up
ExecStart=/bin/ip address replace {MANAGEMENT_ADDRESS} dev mgmt0
[Install]
WantedBy=multi-user.target
""",
    # as systemd-fstab-generator(8) does for a slow disk: udev under emulation on a busy machine takes more than 90 s
    **{
        f"etc/systemd/system/sys-subsystem-net-devices-{name}.device.d/slow.conf": "[Unit]\nJobRunningTimeoutSec=600\n"
        for name in ("mgmt0", "eth0")
    },
    # the machine's identity, read at each boot
    "etc/systemd/system/nodenet-underlay.service": """[Unit]
Description=The underlay
ConditionPathExists=/etc/nodenet-underlay
After=sys-subsystem-net-devices-eth0.device nodenet-management.service
Wants=sys-subsystem-net-devices-eth0.device
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -e /etc/nodenet-underlay
[Install]
WantedBy=multi-user.target
""",
}
# runs with the new system's folder as $1 when its packages are installed
FINISH = f"""#!/bin/sh -e
rm -f "$1"/etc/ssh/ssh_host_*
chroot "$1" useradd --create-home --shell /bin/bash {USER}
chroot "$1" install -d -m 0700 -o {USER} -g {USER} /home/{USER}/.ssh
chroot "$1" systemctl --quiet enable nodenet-management.service nodenet-underlay.service
chroot "$1" systemctl --quiet mask {MASKED}
for unit in {" ".join(DISABLED)}; do
    [ ! -e "$1"/lib/systemd/system/$unit ] || chroot "$1" systemctl --quiet disable $unit
done
# a container's image, so that nothing is pulled: docker import and podman import take it
if chroot "$1" dpkg --status busybox-static >/dev/null 2>&1; then
    mkdir -p "$1"/tmp/image/bin "$1"/tmp/image/etc "$1"/tmp/image/tmp
    cp "$1"/bin/busybox "$1"/tmp/image/bin
    chroot "$1"/tmp/image /bin/busybox --install -s /bin
    tar -C "$1"/tmp/image -cf "$1"{CONTAINER_IMAGE} .
    rm -r "$1"/tmp/image
fi
chmod 0440 "$1"/etc/sudoers.d/{USER}
: > "$1"/etc/machine-id
"""


@dataclass(frozen=True)
class Image:
    """What a machine boots from."""

    kernel: Path
    initrd: Path
    disk: Path


def image(cache, keys, extra=()):
    """Return the image, made if the cache has none of this recipe.

    :param cache: the folder that keeps images.
    :param keys: folder with the pairs ``user`` and ``host``.
    :param extra: names of :data:`EXTRA`.
    """
    folder = cache / _digest(keys, extra)
    made = Image(folder / "vmlinuz", folder / "initrd", folder / "disk")
    if not made.disk.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as making:
            _make(Path(making), keys, extra)
            shutil.rmtree(folder, ignore_errors=True)
            (Path(making) / "done").rename(folder)
    return made


def _digest(keys, extra):
    parts = [Path(__file__).read_bytes(), *(path.read_bytes() for path in sorted(keys.glob("*.pub")))]
    return hashlib.sha256(b"\0".join([*parts, " ".join(sorted(extra)).encode()])).hexdigest()[:16]


def _make(folder, keys, extra):
    files, tree, done = folder / "files", folder / "tree", folder / "done"
    done.mkdir()
    for name, text in FILES.items():
        path = files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    finish = folder / "finish"
    finish.write_text(FINISH, encoding="utf-8")
    finish.chmod(0o755)
    packages = [*PACKAGES, *(package for name in extra for package in EXTRA[name])]
    subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"),
            "--dpkgopt=path-exclude=/usr/share/man/*",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/locale/*",
            "--dpkgopt=force-confold",
            f"--essential-hook=sync-in {files} /",
            f"--customize-hook={finish}",
            f"--customize-hook=upload {keys / 'host'} /etc/ssh/ssh_host_ed25519_key",
            '--customize-hook=chmod 0600 "$1"/etc/ssh/ssh_host_ed25519_key',
            f"--customize-hook=upload {keys / 'user.pub'} /home/{USER}/.ssh/authorized_keys",
            *(SUITE, str(folder / "system.tar")),
        ],
        check=True,
    )
    # owners other than one's own: root keeps them, fakeroot(1) remembers them
    tree.mkdir()
    unpack = 'tar -C "$1" -xf "$2" && mke2fs -q -t ext4 -L root -d "$1" "$3" "$4"'
    words = ["sh", "-c", unpack, "sh", str(tree), str(folder / "system.tar"), str(done / "disk"), SIZE]
    subprocess.run(words if os.geteuid() == 0 else ["fakeroot", *words], check=True)
    for sort, name in (("vmlinuz", "vmlinuz"), ("initrd.img", "initrd")):
        shutil.copy(next((tree / "boot").glob(f"{sort}-*")), done / name)
