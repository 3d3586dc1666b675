# SPDX-License-Identifier: Apache-2.0
include tests/unit/core.mk
include tests/unit/offload.mk
include tests/unit/oracle.mk
include tests/unit/simnic.mk
include tests/unit/core-flow.mk
include tests/unit/datapath.mk
include tests/unit/pipeline.mk
EXTRA_DIST += tests/suite.h tests/fuzz/long tests/fuzz/ovsdb.dict tests/unit/pipeline/options.h tests/unit/pipeline/switches.h tests/unit/pipeline/tunnels.h tests/lint/format tests/lint/install-packages tests/lint/layers tests/lint/packages \
	tests/lint/tsan.supp
include tests/unit/ovsdb.mk
include tests/unit/openflow.mk
EXTRA_DIST += tests/integration/pytest.ini tests/integration/test_quickstart.py tests/integration/test_pki.py tests/integration/test_schema_man.py \
	tests/integration/switch/clients.py tests/integration/switch/conftest.py tests/integration/switch/datapath_text.py tests/integration/switch/learning_switch.py \
	tests/integration/switch/peer_actions.txt tests/integration/switch/test_consumers_switch.py tests/integration/switch/test_controller.py \
	tests/integration/switch/test_ct.py tests/integration/switch/test_damaged_messages.py tests/integration/switch/test_dpctl.py \
	tests/integration/switch/test_dpdk_config.py tests/integration/switch/test_meters.py tests/integration/switch/test_offload.py \
	tests/integration/switch/judges_lack.txt tests/integration/switch/openflow_messages.py tests/integration/switch/test_openflow_judges.py \
	tests/integration/switch/test_os_ken_builds.py tests/integration/switch/test_ovn_controller.py tests/integration/switch/test_packet_rates.py \
	tests/integration/switch/test_pause.py tests/integration/switch/test_peer_actions.py tests/integration/switch/test_peer_bundle.py \
	tests/integration/switch/test_peer_commands.py tests/integration/switch/test_peer_conjunction.py tests/integration/switch/test_peer_control.py \
	tests/integration/switch/test_peer_formats.py tests/integration/switch/test_peer_fragments.py tests/integration/switch/test_peer_groups.py tests/integration/switch/test_peer_identity.py tests/integration/switch/test_peer_learn.py \
	tests/integration/switch/test_peer_lines.py tests/integration/switch/test_peer_local_address.py tests/integration/switch/test_peer_monitor.py tests/integration/switch/test_peer_ofctl.py \
	tests/integration/switch/test_peer_ofctl_local.py tests/integration/switch/test_peer_pipeline.py tests/integration/switch/test_peer_snoop.py \
	tests/integration/switch/test_peer_tables.py tests/integration/switch/test_peer_testcontroller.py tests/integration/switch/test_peer_text.py \
	tests/integration/switch/test_peer_trace.py tests/integration/switch/test_peer_tunnels.py tests/integration/switch/test_peer_vlans.py tests/integration/switch/test_peer_port_vlans.py tests/integration/switch/test_peer_watch.py \
	tests/integration/switch/test_pmd.py tests/integration/switch/test_ports.py tests/integration/switch/test_qos.py \
	tests/integration/switch/test_recirculation.py tests/integration/switch/test_switch.py tests/integration/switch/test_switch_tls.py \
	tests/integration/switch/test_tunnel_changes.py tests/integration/switch/test_upcall_commands.py tests/integration/switch/trace_tables.py \
	tests/integration/switch/test_fail_mode.py tests/integration/switch/test_in_band.py tests/integration/switch/test_peer_ipfix.py \
	tests/integration/switch/test_peer_encap.py tests/integration/switch/test_peer_packet_types.py tests/integration/switch/test_peer_sample.py
# Of tests/bench/ovsdb.
noinst_PROGRAMS += tests/bench/ovsdb-load
# Built by "make tests/bench/clauses"; not a test.
EXTRA_PROGRAMS += tests/bench/clauses
tests_bench_clauses_SOURCES = tests/bench/clauses.c
tests_bench_clauses_LDADD = $(CORE_LIBS)
tests_bench_ovsdb_load_SOURCES = tests/bench/ovsdb-load.c
EXTRA_DIST += tests/bench/README.md tests/bench/kernel tests/bench/lab.py tests/bench/openflow_parts.py tests/bench/ovsdb tests/bench/run tests/bench/switch_parts.py tests/bench/tree_parts.py
