# SPDX-License-Identifier: Apache-2.0
"""other_config:dpdk-*: each key acts or is refused, and DPDK that cannot start is an error, not an end."""
import glob

import pytest

from conftest import polls, wait_until

pytestmark = polls


def configure(switch, **keys):
    """Before DPDK starts, which a bridge or dpdk-init does."""
    switch.start()
    switch.vsctl("set", "Open_vSwitch", ".", *[f"other_config:{k.replace('_', '-')}={v}" for k, v in keys.items()])


def add_bridge(switch):
    switch.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")


def initialized(switch):
    return switch.vsctl("get", "Open_vSwitch", ".", "dpdk_initialized").strip() == "true"


def whole_log(switch):
    with open(f"{switch.dir}/ovs-vswitchd.log") as f:
        return f.read()


def need_no_hugepages():
    for path in glob.glob("/sys/kernel/mm/hugepages/*/free_hugepages"):
        with open(path) as f:
            if int(f.read()):
                pytest.skip("hugepages: there are some here")


def test_hugepages_that_are_not_there(switch):
    need_no_hugepages()
    configure(switch, dpdk_socket_mem="64")
    add_bridge(switch)
    assert not initialized(switch)
    log = whole_log(switch)
    assert log.count("no datapath of type netdev: DPDK cannot be started: ") == 1, log
    assert "--socket-mem 64" in log and "--no-huge" not in log
    # A later change meets the same error, which is not repeated.
    switch.vsctl("set", "bridge", "br0", "fail_mode=secure")
    assert whole_log(switch).count("no datapath of type netdev") == 1
    assert switch.stop_process("ovs-vswitchd") == 0
    switch.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "other_config", "dpdk-socket-mem")
    switch.start()
    wait_until("DPDK runs after a restart", lambda: initialized(switch))


def test_dpdk_init_true_ends_the_daemon_when_dpdk_cannot_start(switch):
    need_no_hugepages()
    switch.start()
    p = switch.processes.pop("ovs-vswitchd")
    switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "other_config:dpdk-socket-mem=64", "other_config:dpdk-init=true")
    assert p.wait(20) == 1
    with open(f"{switch.dir}/ovs-vswitchd.out") as f:
        assert "dpdk-init is true and DPDK cannot be started" in f.read() + whole_log(switch)


def test_dpdk_init_true_starts_dpdk_without_a_bridge(switch):
    configure(switch, dpdk_init="true")
    assert initialized(switch)


def test_dpdk_init_false_keeps_dpdk_ports_out(switch):
    configure(switch, dpdk_init="false")
    add_bridge(switch)
    switch.vsctl("add-port", "br0", "n0", "--", "set", "interface", "n0", "type=dpdk", "options:dpdk-devargs=net_null0,no-rx=1", check=False)
    assert "dpdk-init is false" in switch.vsctl("get", "interface", "n0", "error")
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-init=try")
    assert switch.vsctl("get", "interface", "n0", "error").strip() == "[]"


@pytest.mark.parametrize("key, value, told", [("dpdk-socket-mem", "much", "megabytes"), ("dpdk-lcore-mask", "first", "a hex mask of CPUs"),
                                              ("dpdk-hugepage-dir", "here", "an absolute path"), ("dpdk-extra", "'-l", "not closed")])
def test_bad_value_is_told_and_can_be_mended(switch, key, value, told):
    switch.start()
    switch.vsctl("set", "Open_vSwitch", ".", f'other_config:{key}="{value}"')
    add_bridge(switch)
    assert not initialized(switch)
    assert key in switch.log() and told in switch.log()
    switch.vsctl("remove", "Open_vSwitch", ".", "other_config", key)
    assert initialized(switch)
    # Once it runs, a change waits for a restart and says so.
    switch.vsctl("set", "Open_vSwitch", ".", "other_config:dpdk-lcore-mask=0x1")
    assert "after a restart it will" in switch.log()


def test_what_is_not_there_yet_is_told(switch):
    configure(switch, userspace_tso_enable="true", smc_enable="false", pmd_rxq_assign="group")
    assert "not supported yet and without effect: pmd-rxq-assign=group userspace-tso-enable=true" in whole_log(switch)
