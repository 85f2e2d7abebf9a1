# virt-nest: everything is built under build/; sources are listed by hand.
#
#   make            all programs            make check      unit and libvirt tiers
#   make install    DESTDIR, PREFIX         make demo       the whole promise, shown
#   make asan       all tests, sanitized    make lint       clang-tidy, cppcheck, formats

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PREFIX     ?= /usr/local
bindir      = $(PREFIX)/bin
sbindir     = $(PREFIX)/sbin
libdir      = $(PREFIX)/lib
plugindir   = $(libdir)/virt-nest/plugins
libexecdir  = $(PREFIX)/libexec
datadir     = $(PREFIX)/share
mandir      = $(datadir)/man
docdir      = $(datadir)/doc/virt-nest
# What libvirt and systemd read stands where they look, whatever the prefix.
sysconfdir  = /etc
# The hook's second part: libvirtd's AppArmor profile lets a hook run nothing below /usr/local or /usr/libexec.
hookdir     = $(sysconfdir)/libvirt/hooks/virt-nest
unitdir     = /lib/systemd/system

VERSION = 0.1.0
BUILD  ?= build

# The least versions, each by the newest of what is used: VIR_DOMAIN_UNDEFINE_KEEP_TPM; gvir_event_register();
# g_uri_split(); json_parser_new_immutable(); xmlFirstElementChild(); the functions' symbol version.
LEAST = libvirt:8.9.0 libvirt-glib-1.0:0.0.7 glib-2.0:2.66 json-glib-1.0:1.2 libxml-2.0:2.7.3 libkmod:5
# The first that is missing or too old.
TOO_OLD = command -v pkg-config >/dev/null || { echo 'virt-nest needs pkg-config to build, and finds none'; exit; }; \
          for one in $(LEAST); do name=$${one%:*} least=$${one\#*:}; \
          pkg-config --atleast-version=$$least $$name || { \
          echo "virt-nest needs $$name >= $$least to build, and finds $$(pkg-config --modversion $$name 2>/dev/null || echo none)"; \
          break; }; done

# Nothing is built, so nothing needs to be found, for these goals.
ifneq ($(filter-out clean uninstall,$(or $(MAKECMDGOALS),all)),)
LACKS := $(shell $(TOO_OLD))
ifneq ($(LACKS),)
$(error $(LACKS); 'sudo install/deps' installs the release's own, and README.md, "Requirements", has what is needed)
endif
# GIO only where libvirt is anyway: it would add a quarter to what a start of a tagged domain costs.
LIBRARY_PACKAGES = glib-2.0 libxml-2.0 libkmod
LIBVIRT_PACKAGES = libvirt libvirt-glib-1.0 gio-2.0 gmodule-2.0 json-glib-1.0
PLUGIN_PACKAGES  = libvirt libvirt-qemu glib-2.0 json-glib-1.0
LIBRARY_CFLAGS := $(shell pkg-config --cflags $(LIBRARY_PACKAGES) $(LIBVIRT_PACKAGES))
LIBRARY_LIBS   := $(shell pkg-config --libs $(LIBRARY_PACKAGES))
LIBVIRT_LIBS   := $(shell pkg-config --libs $(LIBVIRT_PACKAGES))
MONITOR_LIBS   := $(shell pkg-config --libs libvirt-qemu)
PLUGIN_LIBS    := $(shell pkg-config --libs $(PLUGIN_PACKAGES))
TEST_LIBS      := $(shell pkg-config --libs gio-2.0)
endif

CFLAGS   ?= -O2 -g
WARNINGS  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
            -Wpointer-arith -Wcast-align -Wwrite-strings -Wvla
# CI sets WERROR=1: a warning is an error there, and only a warning for somebody's newer compiler.
ifdef WERROR
WARNINGS += -Werror
endif
HARDENING = -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=2 -fPIE
HARDENING_LINK = -pie -Wl,-z,relro,-z,now
# make asan builds with SANITIZE set, below a folder of its own.
ifdef SANITIZE
HARDENING = -fsanitize=$(SANITIZE) -DNEST_SANITIZED -fno-omit-frame-pointer -fno-sanitize-recover=all -fPIE
HARDENING_LINK = -pie -fsanitize=$(SANITIZE)
endif
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING) -Icommon -Iplugins -MMD -MP \
             -DNEST_VERSION='"$(VERSION)"' -DNEST_HOOKDIR='"$(hookdir)"' \
             -DNEST_PLUGINDIR='"$(plugindir)"' -DNEST_BINDIR='"$(bindir)"'

# common/: what both halves share.
COMMON = common/allow.c common/config.c common/cpu.c common/definition.c common/domain_xml.c common/error.c \
         common/gainers.c common/harmless.c common/kernel_args.c common/kvm_device.c common/kvm_module.c common/kvm_parameters.c \
         common/kvm_plan.c common/kvm_turn.c common/kvm_users.c common/liveness.c common/log.c \
         common/mention.c common/modprobe_bars.c common/modprobe_conf.c common/modprobe_dropin.c \
         common/modprobe_files.c common/modprobe_mistakes.c common/platform.c common/root.c common/stamp.c common/state.c common/tag.c \
         common/verdict.c common/xml.c
# What speaks with libvirt: virtnestd, and virt-nest's commands that do the same for once.
LINK = plugins/virtnestd/correct.c plugins/virtnestd/loader.c plugins/virtnestd/run.c \
       plugins/virtnestd/virt.c plugins/virtnestd/watch.c
VIRTNESTD = plugins/virtnestd/main.c plugins/virtnestd/calls.c plugins/virtnestd/notify.c plugins/virtnestd/domains.c \
            plugins/virtnestd/guard.c plugins/virtnestd/guard_job.c plugins/virtnestd/host.c plugins/virtnestd/inhibit.c \
            plugins/virtnestd/late.c plugins/virtnestd/link.c plugins/virtnestd/marker.c plugins/virtnestd/release.c plugins/virtnestd/restart.c \
            plugins/virtnestd/scan.c plugins/virtnestd/ward.c
VIRT_NEST = hooks/virt-nest/main.c hooks/virt-nest/allow.c hooks/virt-nest/apply.c hooks/virt-nest/command.c \
            hooks/virt-nest/connection.c hooks/virt-nest/drain.c hooks/virt-nest/host.c hooks/virt-nest/host_report.c \
            hooks/virt-nest/live.c hooks/virt-nest/output.c hooks/virt-nest/rates.c \
            hooks/virt-nest/report.c hooks/virt-nest/rewrite.c hooks/virt-nest/screen.c \
            hooks/virt-nest/status.c hooks/virt-nest/tag_commands.c hooks/virt-nest/top.c hooks/virt-nest/top_view.c
# Plugins. What they share is linked into each, and hidden.
PLUGINS       = probe-debugfs probe-domstats probe-registers guard-blocker export-textfile
PLUGIN_COMMON = common/error.c common/harmless.c common/root.c plugins/monitor.c
UNIT_TESTS = test-allow test-config test-corpus test-cpu test-definition test-domain-xml test-gainers test-guard \
             test-hook test-host-command test-hostile test-inhibit test-kvm-module test-kvm-parameters \
             test-kvm-plan test-kvm-users test-liveness test-loader test-modprobe-conf test-monitor test-output test-platform \
             test-probes test-rates test-rewrite test-state test-tag test-textfile test-verdict

COMMON_OBJECTS = $(COMMON:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/common/schema.o
LINK_OBJECTS   = $(LINK:%.c=$(BUILD)/obj/%.o)
PROGRAMS = $(BUILD)/hooks/qemu $(BUILD)/libexec/qemu-hook $(BUILD)/bin/virt-nest \
           $(BUILD)/sbin/virtnestd $(PLUGINS:%=$(BUILD)/plugins/%.so)
TESTS    = $(UNIT_TESTS:%=$(BUILD)/tests/%)

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) $(ALL_CFLAGS) $(CFLAGS) -c -o $@ $<

# What knows where other parts are installed is compiled anew for another prefix.
PLACED = hooks/virt-nest/allow hooks/virt-nest/status hooks/virt-nest/top plugins/virtnestd/main
$(PLACED:%=$(BUILD)/obj/%.o): $(BUILD)/prefix
.PHONY: FORCE
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@

# The record's schema as a C string.
$(BUILD)/obj/common/schema.c: install/schema/virt-nest-state.rng Makefile
	@mkdir -p $(@D)
	{ echo 'extern const char nest_state_schema[];'; echo 'const char nest_state_schema[] ='; \
	  sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $<; echo ';'; } >$@

$(BUILD)/obj/common/schema.o: $(BUILD)/obj/common/schema.c
	$(CC) $(LIBRARY_CFLAGS) -std=gnu11 $(HARDENING) $(CFLAGS) -c -o $@ $<

$(BUILD)/libcommon.a: $(COMMON_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

LINK_PROGRAM = @mkdir -p $(@D); echo "link $@"; $(CC) $(CFLAGS) $(LDFLAGS) $(HARDENING_LINK) -o $@ $(filter %.o %.a,$^)

# How the programs end that are fed from outside, where nothing else can be done.
LAST_RESORT = $(BUILD)/obj/hooks/last_resort.o $(BUILD)/obj/hooks/no_memory.o

# The front is what runs for every start on the host: libc and nothing else.
FRONT_COMMON = $(BUILD)/obj/hooks/last_resort.o $(BUILD)/obj/common/harmless.o $(BUILD)/obj/common/mention.o

$(BUILD)/hooks/qemu: $(BUILD)/obj/hooks/qemu_front.o $(FRONT_COMMON)
	$(LINK_PROGRAM)

$(BUILD)/libexec/qemu-hook: $(BUILD)/obj/hooks/qemu_hook.o $(LAST_RESORT) $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

$(BUILD)/bin/virt-nest: $(VIRT_NEST:%.c=$(BUILD)/obj/%.o) $(LAST_RESORT) $(LINK_OBJECTS) $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/sbin/virtnestd: $(VIRTNESTD:%.c=$(BUILD)/obj/%.o) $(LINK_OBJECTS) $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(MONITOR_LIBS) $(LIBRARY_LIBS)

$(BUILD)/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) $(filter-out -fPIE,$(ALL_CFLAGS)) $(CFLAGS) -fPIC -fvisibility=hidden -c -o $@ $<

$(BUILD)/plugins/%.so: $(BUILD)/pic/plugins/%.o $(PLUGIN_COMMON:%.c=$(BUILD)/pic/%.o)
	@mkdir -p $(@D)
	@echo "link $@"; $(CC) $(CFLAGS) $(LDFLAGS) $(filter-out -pie,$(HARDENING_LINK)) -shared -o $@ $(filter %.o,$^) $(PLUGIN_LIBS)

$(BUILD)/plugins/export-textfile.so: $(BUILD)/pic/common/verdict.o
$(BUILD)/plugins/guard-blocker.so: $(BUILD)/pic/plugins/blocker-image.o $(BUILD)/pic/plugins/blocker-node.o \
                                   $(BUILD)/pic/plugins/blocker-save.o

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS) $(TEST_LIBS)

# What it tests is virtnestd's alone.
$(BUILD)/tests/test-inhibit: $(BUILD)/obj/tests/unit/test-inhibit.o $(BUILD)/obj/plugins/virtnestd/inhibit.o \
                             $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS) $(TEST_LIBS)

$(BUILD)/tests/test-monitor: $(BUILD)/obj/tests/unit/test-monitor.o $(BUILD)/obj/plugins/monitor.o $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# The plugin host is tested with plugins that fit and that do not: one source, built in variants.
TEST_PLUGINS = good good-guard good-export no-start wrong-abi wrong-size only-head no-symbol no-name wrong-name no-kind \
               wrong-kind no-sample no-arm no-disarm no-is-armed no-publish start-fails start-is-mute

$(BUILD)/tests/plugins/%.so: tests/unit/plugins/plugin.c plugins/nest-plugin.h Makefile \
                             $(BUILD)/pic/common/error.o $(BUILD)/pic/common/harmless.o
	@mkdir -p $(@D)
	@echo "link $@"; $(CC) $(LIBRARY_CFLAGS) $(filter-out -fPIE -MMD -MP,$(ALL_CFLAGS)) $(CFLAGS) -fPIC \
	    -fvisibility=hidden -DVARIANT=$(subst -,_,$*) -DNAME='"$*"' $(filter-out -pie,$(HARDENING_LINK)) \
	    -shared -o $@ $(filter %.c %.o,$^) $(LIBRARY_LIBS)

$(BUILD)/tests/test-loader: $(TEST_PLUGINS:%=$(BUILD)/tests/plugins/%.so)
# What libvirt answers to the probes is the test's own.
$(BUILD)/tests/test-probes: LDFLAGS += -rdynamic

LOADER_TESTS = test-loader test-probes test-textfile
$(LOADER_TESTS:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o \
                                    $(BUILD)/obj/plugins/virtnestd/loader.o $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# Parts of virt-nest.
$(BUILD)/tests/test-output: $(BUILD)/obj/tests/unit/test-output.o $(BUILD)/obj/hooks/virt-nest/output.o $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BUILD)/tests/test-rates: $(BUILD)/obj/tests/unit/test-rates.o $(BUILD)/obj/hooks/virt-nest/rates.o \
                           $(BUILD)/obj/plugins/virtnestd/loader.o $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# virtnestd's guard, with plugins and a libvirt that the program makes up.
GUARD_ALONE = plugins/virtnestd/calls.c plugins/virtnestd/guard.c plugins/virtnestd/guard_job.c \
              plugins/virtnestd/late.c plugins/virtnestd/ward.c plugins/virtnestd/run.c plugins/virtnestd/virt.c

$(BUILD)/tests/test-guard: $(BUILD)/obj/tests/unit/test-guard.o $(BUILD)/obj/tests/fakes/libvirt.o \
                           $(GUARD_ALONE:%.c=$(BUILD)/obj/%.o) $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

# guard-blocker alone, without virtnestd, for the libvirt tier.
$(BUILD)/tests/blocker: $(BUILD)/obj/tests/libvirt/blocker.o $(BUILD)/obj/common/error.o $(BUILD)/obj/common/harmless.o
	$(LINK_PROGRAM) $(LIBVIRT_LIBS)

# Two parts for the tests: a front that finds no second part, whatever is installed on this machine, and
# both with a time limit of two seconds.
TEST_FLAGS = $(LIBRARY_CFLAGS) $(filter-out -DNEST_HOOKDIR=% -MMD -MP,$(ALL_CFLAGS)) -DNEST_HOOKDIR='"/nonexistent"' \
             -DNEST_LAST_RESORT_SECONDS=2 $(CFLAGS)

$(BUILD)/tests/front-alone: hooks/qemu_front.c hooks/last_resort.h common/mention.h $(FRONT_COMMON)
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(HARDENING_LINK) -o $@ $(filter %.c %.o,$^)

$(BUILD)/tests/second-part-alone: hooks/qemu_hook.c hooks/last_resort.h \
                                  $(LAST_RESORT) $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(TEST_FLAGS) $(HARDENING_LINK) -o $@ $(filter %.c %.o %.a,$^) $(LIBRARY_LIBS)

-include $(shell find $(BUILD)/obj $(BUILD)/pic -name '*.d' 2>/dev/null)
.PRECIOUS: $(BUILD)/pic/%.o

# Tests. A tier is a folder of tests/; tests/run counts what they say in TAP.
.PHONY: unit-programs check-unit check-libvirt check vm-check asan soak demo
unit-programs: $(PROGRAMS) $(TESTS) $(BUILD)/tests/blocker $(BUILD)/tests/front-alone $(BUILD)/tests/second-part-alone

check-unit: unit-programs
	BUILD=$(BUILD) tests/run unit

check-libvirt: $(PROGRAMS) $(BUILD)/tests/blocker
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
$(filter-out %.so,$(PROGRAMS)) $(TESTS) $(BUILD)/tests/blocker: $(BUILD)/obj/tests/sanitizer.o
$(BUILD)/obj/tests/sanitizer.o: CPPFLAGS += -DSANITIZE_REPORTS='"$(SANITIZE_REPORTS)"'
endif

# The races and the fuzz targets at full count, for hours; the log is $(BUILD)/soak.log.
soak:
	BUILD=$(BUILD) tests/soak

# Fuzzing, by libFuzzer: what is compiled for it stands below a folder of its own. The same for AFL++:
#   make fuzz FUZZ_CC=afl-clang-fast FUZZ=build/fuzz-afl
FUZZ_TARGETS = config definition front hook modprobe state tag
FUZZ         = $(BUILD)/fuzz
FUZZ_CC      = clang
FUZZ_FLAGS   = -O2 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_COMMON  = $(COMMON:%.c=$(FUZZ)/obj/%.o) $(FUZZ)/obj/common/schema.o $(FUZZ)/obj/tests/fuzz/fuzz.o
FUZZ_COMPILE = @mkdir -p $(@D); echo "$(FUZZ_CC) $@"; $(FUZZ_CC) $(LIBRARY_CFLAGS) \
               $(filter-out $(WARNINGS) $(HARDENING),$(ALL_CFLAGS)) -Wall $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c -o $@ $<

.PHONY: fuzz
fuzz: $(FUZZ_TARGETS:%=$(FUZZ)/fuzz-%)

$(FUZZ)/obj/%.o: %.c Makefile
	$(FUZZ_COMPILE)

$(FUZZ)/obj/common/schema.o: $(BUILD)/obj/common/schema.c
	$(FUZZ_COMPILE)

# Of an archive a target takes only what it does not bring itself.
$(FUZZ)/libcommon.a: $(FUZZ_COMMON)
	rm -f $@
	$(AR) rcs $@ $^

$(FUZZ)/fuzz-%: $(FUZZ)/obj/tests/fuzz/fuzz-%.o $(FUZZ)/libcommon.a
	@echo "link $@"; $(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBRARY_LIBS)

.PRECIOUS: $(FUZZ)/obj/%.o
-include $(shell find $(FUZZ)/obj -name '*.d' 2>/dev/null)

demo: $(PROGRAMS)
	install/demo --no-deps

# Ratios, each to the least that would do the same; not part of check, as figures depend on the machine.
BENCH_PLAIN   = $(BUILD)/bench/empty $(BUILD)/bench/pair
BENCH_VIRT    = $(BUILD)/bench/correct $(BUILD)/bench/module $(BUILD)/bench/scan $(BUILD)/bench/start
BENCH_MONITOR = $(BUILD)/bench/armed $(BUILD)/bench/refusal

$(BENCH_PLAIN): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	$(LINK_PROGRAM)

$(BENCH_VIRT): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/obj/tests/bench/virt.o
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

$(BENCH_MONITOR): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/obj/tests/bench/virt.o
	$(LINK_PROGRAM) $(PLUGIN_LIBS)

$(BUILD)/bench/guard: $(BUILD)/obj/tests/bench/guard.o $(BUILD)/obj/tests/bench/virt.o $(BUILD)/obj/tests/fakes/libvirt.o \
                      $(GUARD_ALONE:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/plugins/virtnestd/loader.o $(BUILD)/libcommon.a
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(LIBRARY_LIBS)

.PHONY: bench-programs bench
bench-programs: $(PROGRAMS) $(BENCH_PLAIN) $(BENCH_VIRT) $(BENCH_MONITOR) $(BUILD)/bench/guard \
                $(BUILD)/tests/blocker $(BUILD)/tests/plugins/good-guard.so

bench: bench-programs
	BUILD=$(BUILD) tests/bench/run

include install/install.mk

.PHONY: lint
lint: all
	BUILD=$(BUILD) tests/run build/lint

.PHONY: clean
clean:
	rm -rf $(BUILD)
