#!/usr/bin/python
# Copyright (c) 2026, the nodenet.fabric authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_file
short_description: Manage configuration files of the fabric
version_added: 0.1.0
description:
  - Writes and removes files by which other programs use the fabric, such as a drop-in that runs a systemd service in the
    namespace of an endpoint, or C(/etc/netns/NAME/hosts). A file is replaced as a whole, so that no reader finds a part of it.
  - The first line of each file, a comment that begins with C(#), says that it belongs to the collection, and to which set. A file
    without that line is foreign.
  - After a change below C(/etc/systemd/system), systemd reads its units again, and a warning names the service if it does not run
    in the namespace of its drop-in yet. After a change below C(/etc/tmpfiles.d), C(systemd-tmpfiles) makes what the file says.
    Nothing is restarted.
  - Files remain over a reboot, except those below C(/run).
author:
  - The nodenet.fabric authors (@nodenet)
seealso:
  - module: nodenet.fabric.netns
    description: Network namespaces.
  - ref: ansible_collections.nodenet.fabric.engines_role
    description: The role C(nodenet.fabric.engines) connects containers and services to the fabric.
  - name: systemd.exec(5)
    link: https://man7.org/linux/man-pages/man5/systemd.exec.5.html
    description: How a service runs in a network namespace.
  - name: ip-netns(8)
    link: https://man7.org/linux/man-pages/man8/ip-netns.8.html
    description: What the files below C(/etc/netns) are for.
options:
  path: &path
    description:
      - Path of the file, C(/etc/netns/NAME/FILE), C(/etc/nodenet/FILE), C(/etc/systemd/system/UNIT.d/NAME.conf),
        C(/etc/tmpfiles.d/NAME.conf) or C(/run/flannel/FILE). Its folder is made if it is missing, and removed with the last file
        in it.
    type: str
  content: &content
    description:
      - Text of the file below its first line. One of O(content) and O(name_servers) is required.
    type: str
  name_servers: &name_servers
    description:
      - The text is the settings of resolv.conf(5) that another namespace of the node can use. These are the name servers of
        C(/run/systemd/resolve/resolv.conf) or C(/etc/resolv.conf) that are not on the loopback interface.
    type: bool
    default: false
  mode: &mode
    description:
      - Mode of the file in octal digits, in quotes.
    type: str
    default: "0644"
  config:
    description:
      - Several objects in one task; each entry takes the same options. One of O(path) and O(config) is required.
    type: list
    elements: dict
    suboptions:
      path:
        <<: *path
        required: true
      content: *content
      name_servers: *name_servers
      mode: *mode
      state:
        description:
          - Whether this entry exists. If omitted, as the task says.
        type: str
        choices: [present, absent]
extends_documentation_fragment:
  - nodenet.fabric.common
  - nodenet.fabric.common.set
  - nodenet.fabric.common.promised
  - nodenet.fabric.attributes
  - nodenet.fabric.attributes.changes
"""

EXAMPLES = r"""
- name: A service in the namespace of the endpoint ns245
  nodenet.fabric.config_file:
    path: /etc/systemd/system/web.service.d/nodenet-fabric.conf
    content: |
      [Service]
      NetworkNamespacePath=/run/netns/ns245

- name: Names that programs in the namespace look up
  nodenet.fabric.config_file:
    config:
      - path: /etc/netns/ns245/resolv.conf
        name_servers: true
      - path: /etc/netns/ns245/hosts
        content: |
          127.0.0.1 localhost
          172.246.0.2 ns246

- name: Remove it
  nodenet.fabric.config_file:
    path: /etc/systemd/system/web.service.d/nodenet-fabric.conf
    state: absent
"""

RETURN = r"""
commands:
  description:
    - The commands that do the same by hand, in order. In check mode, what would be done.
  returned: success
  type: list
  elements: str
  sample: ["rm /etc/netns/ns245/hosts", "rmdir --ignore-fail-on-non-empty /etc/netns/ns245"]
reasons:
  description: Why an object was recreated instead of changed in place.
  returned: when one was recreated
  type: list
  elements: str
stats:
  description: Number of objects observed and changed, seconds in total and for each stage, and counts of netlink requests.
  returned: success
  type: dict
  sample: {observed: 2, changed: 2, seconds: 0.01, stages: {observe: 0.004, plan: 0.001, apply: 0.005}, sockets: 0, sends: 0, requests: 0}
"""

from ansible_collections.nodenet.fabric.plugins.module_utils.specs.config_file import SPEC


def main():
    SPEC.run()


if __name__ == "__main__":
    main()
