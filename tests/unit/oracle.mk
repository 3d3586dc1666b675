# SPDX-License-Identifier: Apache-2.0
if HAVE_CHECK
ORACLE_LIBS = ofproto/libpipeline.a ofproto/libopenflow.a $(CHECK_LIBS)
check_PROGRAMS += tests/unit/oracle/test-soundness
TESTS += tests/unit/oracle/test-soundness
tests_unit_oracle_test_soundness_SOURCES = tests/unit/oracle/test-soundness.c tests/unit/oracle/random-tables.c tests/unit/oracle/random-actions.c tests/unit/oracle/random-private.h tests/unit/oracle/random-clauses.c tests/unit/oracle/random-learn.c \
	tests/unit/oracle/random-tables.h tests/unit/oracle/random-clauses.h tests/unit/oracle/random-learn.h
tests_unit_oracle_test_soundness_LDADD = $(ORACLE_LIBS) $(CORE_LIBS)
if HAVE_SIMNIC
check_PROGRAMS += tests/unit/oracle/test-differential
TESTS += tests/unit/oracle/test-differential
tests_unit_oracle_test_differential_SOURCES = tests/unit/oracle/test-differential.c \
	tests/unit/oracle/random-tables.c tests/unit/oracle/random-actions.c tests/unit/oracle/random-private.h tests/unit/oracle/random-clauses.c tests/unit/oracle/random-learn.c tests/unit/oracle/random-tables.h tests/unit/oracle/random-clauses.h tests/unit/oracle/random-learn.h
tests_unit_oracle_test_differential_CPPFLAGS = $(AM_CPPFLAGS) $(DPDK_CFLAGS)
tests_unit_oracle_test_differential_LDADD = $(OFFLOAD_LIBS) $(ORACLE_LIBS) $(SIMNIC_LIBS) $(CORE_LIBS)
endif
endif
