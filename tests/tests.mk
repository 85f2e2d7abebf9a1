# SPDX-License-Identifier: LGPL-2.1-or-later
# What tests, fuzzes and measures: its programs and its goals.
#
#   make check        tiers build, unit and libvirt     make check-unit  the unit tier, in seconds
#   make vm-check     tiers vm-amd and vm-intel         make lint        clang-tidy, cppcheck, formats
#   make asan         unit and libvirt, sanitized       make fuzz        the fuzz targets
#   make bench        what virt-nest costs, as ratios   make soak        races and fuzzing, for hours

UNIT_TESTS = test-advisories test-allow test-bench test-config test-corpus test-cpu test-cpu-off test-cpu-vendor test-daemon-status test-definition \
             test-doctor test-domain-xml test-drain-step test-exposed test-flap-damping test-guard test-hook test-hook-calls test-hook-watch test-host-command \
             test-hostile test-inhibit test-kvm-module test-kvm-parameters test-kvm-plan test-kvm-unit \
             test-kvm-users test-late-snapshots test-leave test-libvirt-daemon test-liveness test-managers test-modprobe-conf test-module-load test-monitor test-node-leave test-output \
             test-plugin-host test-preflight test-probes test-process test-qemu-cpu test-rates test-rewrite test-rules test-spelling test-state \
             test-sync-job test-tag test-textfile test-verdict test-wait test-wish test-workers
TESTS    = $(UNIT_TESTS:%=$(BUILD)/tests/%)

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS) $(TEST_LIBS)

# What it tests is virtnestd's alone.
$(BUILD)/tests/test-flap-damping: $(BUILD)/obj/tests/unit/test-flap-damping.o $(BUILD)/obj/plugins/virtnestd/flap_damping.o \
                                  $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

$(BUILD)/tests/test-hook-watch: $(BUILD)/obj/tests/unit/test-hook-watch.o $(BUILD)/obj/plugins/virtnestd/hook_watch.o \
                                $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

$(BUILD)/tests/test-inhibit: $(BUILD)/obj/tests/unit/test-inhibit.o $(BUILD)/obj/plugins/virtnestd/inhibit.o \
                             $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS) $(TEST_LIBS)

$(BUILD)/tests/test-kvm-unit: $(BUILD)/obj/tests/unit/test-kvm-unit.o $(BUILD)/obj/plugins/virtnestd/kvm_unit.o \
                              $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS) $(TEST_LIBS)

$(BUILD)/tests/test-late-snapshots: $(BUILD)/obj/tests/unit/test-late-snapshots.o \
                                    $(BUILD)/obj/plugins/virtnestd/late_snapshots.o
	$(LINK_PROGRAM) $(LIBVIRT_LIBS)

$(BUILD)/tests/test-monitor: $(BUILD)/obj/tests/unit/test-monitor.o $(BUILD)/obj/plugins/monitor.o $(BUILD)/obj/plugins/monitor-answer.o \
                             $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# The plugin host is tested with plugins that fit and that do not: one source, built in variants.
TEST_PLUGINS = good good-guard good-export no-start wrong-abi wrong-size only-head no-symbol no-name wrong-name no-kind \
               wrong-kind no-sample no-arm no-disarm no-is-armed no-publish no-watch no-unwatch \
               no-get-fd no-next-entered start-fails start-is-mute

$(BUILD)/tests/plugins/%.so: tests/unit/plugins/plugin.c plugins/nest-plugin.h Makefile \
                             $(BUILD)/pic/common/base/error.o $(BUILD)/pic/common/base/escape.o
	@mkdir -p $(@D)
	@echo "link $@"; $(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) $(filter-out -fPIE -MMD -MP,$(ALL_CFLAGS)) $(CFLAGS) -fPIC \
	    -fvisibility=hidden -DVARIANT=$(subst -,_,$*) -DNAME='"$*"' $(filter-out -pie,$(HARDENING_LINK)) \
	    -shared -o $@ $(filter %.c %.o,$^) $(LIBRARY_LIBS)

$(BUILD)/tests/test-plugin-host: $(TEST_PLUGINS:%=$(BUILD)/tests/plugins/%.so)
# What libvirt answers to the probes is the test's own, and so is the filesystem that hangs.
$(BUILD)/tests/test-probes $(BUILD)/tests/test-textfile: LDFLAGS += -rdynamic

$(BUILD)/tests/test-workers: $(BUILD)/obj/tests/unit/test-workers.o $(BUILD)/obj/tests/fakes/libvirt.o \
                             $(BUILD)/obj/plugins/virtnestd/workers.o $(BUILD)/obj/plugins/virtnestd/connection_pool.o \
                             $(BUILD)/libnest-virt.a $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-sync-job: $(BUILD)/obj/tests/unit/test-sync-job.o $(BUILD)/obj/tests/fakes/libvirt.o \
                              $(BUILD)/obj/plugins/virtnestd/connection_pool.o $(BUILD)/obj/plugins/virtnestd/restart.o \
                              $(BUILD)/obj/plugins/virtnestd/sync_job.o $(BUILD)/obj/plugins/virtnestd/workers.o \
                              $(BUILD)/libnest-virt.a $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

PLUGIN_HOST_TESTS = test-plugin-host test-probes test-textfile
$(PLUGIN_HOST_TESTS:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o \
                                    $(BUILD)/obj/plugins/plugin_host.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# Parts of virt-nest.
$(BUILD)/tests/test-daemon-status: $(BUILD)/obj/tests/unit/test-daemon-status.o $(BUILD)/obj/hooks/virt-nest/daemon.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-bench: $(BUILD)/obj/tests/unit/test-bench.o $(BUILD)/obj/hooks/virt-nest/bench_report.o $(BUILD)/obj/hooks/virt-nest/bench_stats.o \
                           $(BUILD)/obj/hooks/virt-nest/bench_svg.o $(BUILD)/obj/hooks/virt-nest/initramfs.o \
                           $(BUILD)/obj/hooks/virt-nest/output.o $(BUILD)/obj/hooks/bench/work_programs.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-drain-step: $(BUILD)/obj/tests/unit/test-drain-step.o $(BUILD)/obj/hooks/virt-nest/drain_step.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-output: $(BUILD)/obj/tests/unit/test-output.o $(BUILD)/obj/hooks/virt-nest/output.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-leave: $(BUILD)/obj/tests/unit/test-leave.o $(BUILD)/obj/hooks/virt-nest/leave_answer.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

$(BUILD)/tests/test-node-leave: $(BUILD)/obj/tests/unit/test-node-leave.o $(NODE_LEAVE) $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(JSON_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-preflight: $(BUILD)/obj/tests/unit/test-preflight.o $(BUILD)/obj/hooks/virt-nest/preflight_check.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

$(BUILD)/tests/test-rates: $(BUILD)/obj/tests/unit/test-rates.o $(BUILD)/obj/hooks/virt-nest/rates.o \
                           $(BUILD)/obj/plugins/plugin_host.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# virtnestd's guard, with plugins and a libvirt that the program makes up.
GUARD_ALONE = backoff connection_pool domain domain_guard domain_log domain_sample domain_silence domain_status domain_report \
              domains entry_watch flap_damping guard_job guard_log hook_watch late_snapshots publish \
              restart scan scanner sync_job workers

$(BUILD)/tests/test-guard: $(BUILD)/obj/tests/unit/test-guard.o $(BUILD)/obj/tests/fakes/libvirt.o \
                           $(GUARD_ALONE:%=$(BUILD)/obj/plugins/virtnestd/%.o) $(BUILD)/libnest-virt.a $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# guard-blocker alone, without virtnestd, for the libvirt tier.
$(BUILD)/tests/blocker: $(BUILD)/obj/tests/libvirt/blocker.o $(BUILD)/obj/common/base/error.o $(BUILD)/obj/common/base/escape.o
	$(LINK_PROGRAM) $(LIBVIRT_LIBS)

# For the vm-amd tier: a guest that leaves around its first nested entry.
$(BUILD)/tests/leave: $(BUILD)/obj/tests/vm-amd/leave.o $(BUILD)/obj/tests/bench/virt.o $(BUILD)/obj/tests/bench/entry_probe.o \
                      $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(PLUGIN_LIBS) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/obj/tests/vm-amd/leave.o: CPPFLAGS += -Itests/bench

PARTS = $(BUILD)/tests/prefilter $(BUILD)/tests/alone/prefilter $(BUILD)/tests/judge-alone.so $(BUILD)/tests/script-judge.so

# Parts for the tests. A prefilter that looks for its judge not where that is installed, but beside its own
# directory: it finds that of the build; and the same where there is none. The latter, and a judge of its own, have a time
# limit of four seconds.
TEST_FLAGS = $(CPPFLAGS) $(LIBRARY_CFLAGS) $(filter-out -DNEST_HOOKDIR=% -MMD -MP,$(ALL_CFLAGS)) \
             -DNEST_HOOKDIR='"$$ORIGIN/../libexec"' $(CFLAGS)
LIMITED    = -DNEST_FATAL_SECONDS=4

$(BUILD)/tests/alone/prefilter: TEST_FLAGS += $(LIMITED)
$(BUILD)/tests/prefilter $(BUILD)/tests/alone/prefilter: hooks/qemu_prefilter.c hooks/operations.h hooks/fatal.h common/domain/prefilter.h $(PREFILTER_COMMON)
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(HARDENING_LINK) -o $@ $(filter %.c %.o,$^)

$(BUILD)/tests/judge-alone.so: hooks/qemu_hook.c hooks/operations.h hooks/fatal.h $(JUDGE_COMMON)
	@mkdir -p $(@D)
	$(CC) $(filter-out -fPIE,$(TEST_FLAGS)) $(LIMITED) -fPIC -fvisibility=hidden $(filter-out -pie,$(HARDENING_LINK)) -shared \
	    -o $@ $(filter %.c %.o %.a,$^) $(HOOK_LIBS)

# A judge that becomes a shell script.
$(BUILD)/tests/script-judge.so: $(BUILD)/pic/tests/fakes/script_judge.o
	$(LINK_SHARED)

# A tier is a directory of tests/; tests/run counts what they say in TAP.
.PHONY: unit-programs check-unit check-libvirt check vm-check asan soak
unit-programs: $(PROGRAMS) $(TESTS) $(BUILD)/tests/blocker $(BUILD)/tests/leave $(PARTS)

check-unit: unit-programs
	BUILD=$(BUILD) tests/run unit

check-libvirt: $(PROGRAMS) $(BUILD)/tests/blocker $(PARTS)
	BUILD=$(BUILD) tests/run libvirt

# Emulated hosts whose CPUs have SVM and VMX, with the real kvm_amd and kvm_intel.
vm-check: unit-programs
	BUILD=$(BUILD) tests/guest/build $(BUILD)/guest
	BUILD=$(BUILD) tests/run vm-amd vm-intel

check: unit-programs
	BUILD=$(BUILD) tests/run build unit libvirt

# Unit and libvirt tiers, sanitized. A program writes its findings where tests/asan looks for them.
asan:
	+BUILD=$(BUILD) MAKE="$(MAKE)" tests/asan

ifdef SANITIZE_REPORTS
$(filter-out %.so %/bench-guest,$(PROGRAMS)) $(TESTS) $(BUILD)/tests/blocker: $(BUILD)/obj/tests/sanitizer.o
$(BUILD)/obj/tests/sanitizer.o: CPPFLAGS += -DSANITIZE_REPORTS='"$(SANITIZE_REPORTS)"'
endif

# The races and the fuzz targets at full count, for hours; the log is $(BUILD)/soak.log.
soak:
	BUILD=$(BUILD) tests/soak

.PHONY: lint
lint: all
	BUILD=$(BUILD) tests/run build/lint

# Fuzzing, by libFuzzer: what is compiled for it stands below a directory of its own. The same for AFL++:
#   make fuzz FUZZ_CC=afl-clang-fast FUZZ=build/fuzz-afl
FUZZ_TARGETS = allow bounds cmdline config debugfs definition domstats hook live modprobe monitor prefilter process registers \
               rules state tag
FUZZ         = $(BUILD)/fuzz
FUZZ_CC      = clang
FUZZ_FLAGS   = -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_COMMON  = $(COMMON:%.c=$(FUZZ)/obj/%.o) $(FUZZ)/obj/common/domain/schema.o $(FUZZ)/obj/hooks/hook_call.o \
               $(FUZZ)/obj/hooks/start_cpu.o $(FUZZ)/obj/tests/fuzz/fuzz.o
FUZZ_COMPILE = @mkdir -p $(@D); echo "$(FUZZ_CC) $@"; $(FUZZ_CC) $(LIBRARY_CFLAGS) \
               $(filter-out $(WARNINGS) $(HARDENING),$(ALL_CFLAGS)) -Wall $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:%=$(FUZZ)/fuzz-%)

$(FUZZ)/obj/%.o: %.c Makefile
	$(FUZZ_COMPILE)

$(FUZZ)/obj/common/domain/schema.o: $(BUILD)/obj/common/domain/schema.c
	$(FUZZ_COMPILE)

# Of an archive a target takes only what it does not bring itself.
$(FUZZ)/libnest.a: $(FUZZ_COMMON)
	rm -f $@
	$(AR) rcs $@ $^

$(FUZZ)/fuzz-%: $(FUZZ)/obj/tests/fuzz/fuzz-%.o $(FUZZ)/libnest.a
	@echo "link $@"; $(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBRARY_LIBS) $(FUZZ_LIBS)

# libvirt is the targets' own.
$(FUZZ)/fuzz-monitor: FUZZ_LIBS = $(JSON_LIBS)

.PRECIOUS: $(FUZZ)/obj/%.o
-include $(shell find $(FUZZ)/obj -name '*.d' 2>/dev/null)

# Ratios, each to the least that would do the same; not part of check, as figures depend on the machine.
BENCH_PLAIN   = $(BUILD)/bench/cost $(BUILD)/bench/empty $(BUILD)/bench/pair
BENCH_VIRT    = $(BUILD)/bench/correct $(BUILD)/bench/module $(BUILD)/bench/scan $(BUILD)/bench/start
BENCH_MONITOR = $(BUILD)/bench/armed $(BUILD)/bench/entry $(BUILD)/bench/refusal

$(BENCH_PLAIN): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	$(LINK_PROGRAM)

$(BENCH_VIRT): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/obj/tests/bench/virt.o
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BENCH_MONITOR): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/obj/tests/bench/virt.o $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(PLUGIN_LIBS) $(BENCH_LIBS)

$(BUILD)/bench/entry: BENCH_LIBS = $(LIBVIRT_LIBS) $(LIBRARY_LIBS)
$(BUILD)/bench/entry: $(BUILD)/obj/tests/bench/entry_probe.o

$(BUILD)/bench/guard: $(BUILD)/obj/tests/bench/guard.o $(BUILD)/obj/tests/bench/virt.o $(BUILD)/obj/tests/fakes/libvirt.o \
                      $(GUARD_ALONE:%=$(BUILD)/obj/plugins/virtnestd/%.o) $(BUILD)/obj/plugins/plugin_host.o \
                      $(BUILD)/libnest-virt.a $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

.PHONY: bench-programs bench
bench-programs: $(PROGRAMS) $(BENCH_PLAIN) $(BENCH_VIRT) $(BENCH_MONITOR) $(BUILD)/bench/guard \
                $(BUILD)/tests/blocker $(BUILD)/tests/plugins/good-guard.so $(BUILD)/tests/plugins/good-watch.so

bench: bench-programs
	BUILD=$(BUILD) tests/bench/run
