# SPDX-License-Identifier: LGPL-2.1-or-later
# virt-nest: everything is built under build/; sources are listed by hand.
#
#   make              all programs                      make install     DESTDIR, PREFIX
#   make demo         the whole promise, shown          make uninstall   with the PREFIX of the installation
#   make help         these lines                       make clean       without build/
#   make dist         the source archive                make sbom        what the programs are made from, as SPDX
#   make compile_commands.json    in build/, where clangd finds it
#
# tests/tests.mk has what tests, fuzzes and measures.

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
# The hook, to which a link leads from where libvirt looks, and its judge. They are where the profile of AppArmor for
# libvirt's daemon lets it run and load programs: in libvirt's own directory below /usr, which is a package's to use, or else
# beside the link, as nothing below /usr/local is.
hookdir     = $(if $(filter /usr,$(PREFIX)),$(libdir)/virt-nest,$(sysconfdir)/libvirt/hooks/virt-nest)
hook        = $(if $(filter /usr,$(PREFIX)),$(libdir)/libvirt/virt-nest-hook,$(hookdir)/qemu)
unitdir     = /lib/systemd/system
userunitdir = $(patsubst %/system,%/user,$(unitdir))

# Who installs it, so that the doctor can say how that is done again: make, apt or dnf.
INSTALLER  ?= make

VERSION = 0.9.0
BUILD  ?= build

# The least versions, each by the newest of what is used: VIR_DOMAIN_UNDEFINE_KEEP_TPM; gvir_event_register();
# g_uri_split(); json_parser_new_immutable(); the operation limit of XPath; the functions' symbol version.
LEAST = libvirt:8.9.0 libvirt-glib-1.0:0.0.7 glib-2.0:2.66 json-glib-1.0:1.2 libxml-2.0:2.9.10 libkmod:5
# The first that is missing or too old.
TOO_OLD = command -v pkg-config >/dev/null || { echo 'virt-nest needs pkg-config to build, and finds none'; exit; }; \
          for one in $(LEAST); do name=$${one%:*} least=$${one\#*:}; \
          pkg-config --atleast-version=$$least $$name || { \
          echo "virt-nest needs $$name >= $$least to build, and finds $$(pkg-config --modversion $$name 2>/dev/null || echo none)"; \
          break; }; done

# Nothing is built, so nothing needs to be found, for these goals.
ifneq ($(filter-out clean dist help uninstall,$(or $(MAKECMDGOALS),all)),)
LACKS := $(shell $(TOO_OLD))
ifneq ($(LACKS),)
$(error $(LACKS); 'sudo install/deps' installs the release's own, and README.md, "Requirements", has what is needed)
endif
# GIO only where libvirt is anyway: it would add a quarter to what a start of a tagged domain costs.
LIBRARY_PACKAGES = glib-2.0 libxml-2.0 libkmod
# The hook loads libkmod itself, where it needs it (hooks/late_kmod.c): that adds a third to what such a start costs.
HOOK_PACKAGES    = glib-2.0 libxml-2.0
LIBVIRT_PACKAGES = libvirt libvirt-glib-1.0 gio-2.0 gmodule-2.0 json-glib-1.0
PLUGIN_PACKAGES  = libvirt libvirt-qemu glib-2.0 json-glib-1.0
LIBRARY_CFLAGS := $(shell pkg-config --cflags $(LIBRARY_PACKAGES) $(LIBVIRT_PACKAGES))
LIBRARY_LIBS   := $(shell pkg-config --libs $(LIBRARY_PACKAGES))
HOOK_LIBS      := $(shell pkg-config --libs $(HOOK_PACKAGES))
LIBVIRT_LIBS   := $(shell pkg-config --libs $(LIBVIRT_PACKAGES))
BPF_LIBS       := $(shell pkg-config --libs libbpf 2>/dev/null)
MONITOR_LIBS   := $(shell pkg-config --libs libvirt-qemu)
PLUGIN_LIBS    := $(shell pkg-config --libs $(PLUGIN_PACKAGES))
JSON_LIBS      := $(shell pkg-config --libs json-glib-1.0)
TEST_LIBS      := $(shell pkg-config --libs gio-2.0)
endif

CFLAGS   ?= -O2 -g
WARNINGS  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wundef \
            -Wpointer-arith -Wcast-align -Wwrite-strings -Wvla
# CI sets WERROR=1: a warning is an error there, and only a warning for somebody's newer compiler.
ifdef WERROR
WARNINGS += -Werror
endif
# A builder's own level stands.
FORTIFY   = $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=2)
# What a program does not use of the archives is left out of it.
SECTIONS      = -ffunction-sections -fdata-sections
SECTIONS_LINK = -Wl,--gc-sections
HARDENING = -fstack-protector-strong -fstack-clash-protection $(FORTIFY) -fPIE
HARDENING_LINK = -pie -Wl,-z,relro,-z,now,-z,defs
# make asan builds with SANITIZE set, below a directory of its own.
ifdef SANITIZE
HARDENING = -fsanitize=$(SANITIZE) -DNEST_SANITIZED -fno-omit-frame-pointer -fno-sanitize-recover=all -fPIE
HARDENING_LINK = -pie -fsanitize=$(SANITIZE)
endif
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(HARDENING) $(SECTIONS) -Icommon -Iplugins -MMD -MP \
             -DNEST_VERSION='"$(VERSION)"' -DNEST_HOOKDIR='"$(hookdir)"' \
             -DNEST_PLUGINDIR='"$(plugindir)"' -DNEST_DATADIR='"$(datadir)"' -DNEST_BINDIR='"$(bindir)"' -DNEST_LIBEXECDIR='"$(libexecdir)"' \
             -DNEST_INSTALLER='"$(INSTALLER)"' -DNEST_PLUGINS='"$(PLUGINS)"' -DNEST_NESTED_ENTRY='"$(BUILD)/obj/plugins/nested-entry.bpf.o"'

# common/ in districts; one includes only those above it in this list, which build/lint holds. The hook is linked with
# the first archive alone, so it cannot call libvirt.
BASE = config config_peek daemon_status error escape liveness lock log notify root rules_peek runtime_flag sort spelling systemd wait write
HOST = advisories cpu_vendor hook_calls kernel_args kvm_device kvm_lock kvm_module kvm_parameters kvm_plan kvm_reload kvm_users \
       libvirt_daemon modprobe_bars modprobe_conf modprobe_dropin modprobe_files modprobe_mistakes module_load other_hypervisor \
       process reinstall
GUARD = verdict
DOMAIN = allow asked cpu cpu_arch cpu_off cpu_remarks cpu_rewrite definition domain_xml exposed live_status policy prefilter qemu_cpu record \
         rule_explain rule_file rule_match rule_needles rule_pieces rules state tag tag_put unknown wish xml xml_bounds xml_edit
COMMON = $(BASE:%=common/base/%.c) $(HOST:%=common/host/%.c) $(GUARD:%=common/guard/%.c) $(DOMAIN:%=common/domain/%.c)
# What speaks with libvirt: for virtnestd, and for the commands of virt-nest that do the same once.
VIRT = correct cpu_features define_tracker live_domain virt
VIRTNESTD = backoff connection_pool domain domain_guard domain_log domain_sample domain_silence domain_status domain_report \
            domains entry_watch event_connection flap_damping guard_job guard_log hook_watch host inhibit kvm_unit \
            late_snapshots main publish release restart \
            scan scanner sync_job workers
VIRT_NEST = allow apparmor apply bug_report changes command connection daemon doctor doctor_confined doctor_daemon \
            doctor_domains doctor_findings doctor_guard doctor_guest doctor_hook doctor_host doctor_kernel doctor_libvirt \
            doctor_process doctor_rules doctor_shutdown doctor_units domain_faults domain_query drain drain_plan \
            drain_step host host_load host_report leave_answer leave_cpu leave_probe live main may_leave output \
            preflight preflight_check preflight_destination preflight_move rates report rewrite rules rules_json \
            screen shown status tag_commands tag_options top top_view untagged visit wish_json
# virt-nest bench, and the program in its guests.
BENCH = bench bench_explain bench_files bench_guest bench_report bench_stats bench_svg initramfs
BENCH_GUEST = carry init machine measure work_devices work_inner work_programs
# probe-trace, where it can be built.
CLANG ?= clang
TRACE := $(if $(shell command -v $(CLANG) >/dev/null && pkg-config --atleast-version=1.0 libbpf && echo yes),probe-trace)
# Plugins, in the order in which they are asked unless the settings say otherwise. What they share is linked into each,
# and hidden.
PLUGINS      := $(strip $(TRACE) probe-debugfs probe-domstats probe-registers guard-blocker export-textfile)
PLUGIN_COMMON = common/base/error.c common/base/escape.c common/base/root.c common/base/write.c plugins/monitor-answer.c plugins/monitor.c

COMMON_OBJECTS = $(COMMON:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/common/domain/schema.o
PROGRAMS = $(BUILD)/hooks/qemu $(BUILD)/libexec/qemu-hook.so $(BUILD)/libexec/kvm-unit $(BUILD)/libexec/onDefineDomain \
           $(BUILD)/libexec/vdsm-hook $(BUILD)/libexec/bench-guest $(BUILD)/bin/virt-nest \
           $(BUILD)/sbin/virtnestd $(PLUGINS:%=$(BUILD)/plugins/%.so)

.PHONY: all
all: $(PROGRAMS)
ifeq ($(TRACE),)
	@echo 'probe-trace is left out, as it needs clang and libbpf 1.0: nested guests are seen by counting alone'
endif

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) $(ALL_CFLAGS) $(CFLAGS) -c -o $@ $<

# What knows where other parts are installed, and how, is compiled anew where that is to be otherwise.
PLACED = common/host/advisories common/host/reinstall hooks/qemu_prefilter hooks/virt-nest/allow hooks/virt-nest/bench_files hooks/virt-nest/doctor_guard hooks/virt-nest/doctor_hook \
         hooks/virt-nest/doctor_kernel hooks/virt-nest/may_leave hooks/virt-nest/status hooks/virt-nest/top plugins/virtnestd/main
PLACES = $(hookdir) $(plugindir) $(datadir) $(bindir) $(libexecdir) $(INSTALLER)
$(PLACED:%=$(BUILD)/obj/%.o) $(PLACED:%=$(BUILD)/pic/%.o): $(BUILD)/prefix
.PHONY: FORCE
$(BUILD)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PLACES)' | cmp -s - $@ || echo '$(PLACES)' >$@

# The record's schema as a C string.
$(BUILD)/obj/common/domain/schema.c: install/schema/virt-nest-state.rng Makefile
	@mkdir -p $(@D)
	{ echo 'extern const char nest_state_schema[];'; echo 'const char nest_state_schema[] ='; \
	  sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $<; echo ';'; } >$@

$(BUILD)/obj/common/domain/schema.o: $(BUILD)/obj/common/domain/schema.c
	$(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) -std=gnu11 $(HARDENING) -fvisibility=hidden $(CFLAGS) -c -o $@ $<

$(BUILD)/pic/common/domain/schema.o: $(BUILD)/obj/common/domain/schema.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) -std=gnu11 $(filter-out -fPIE,$(HARDENING)) -fvisibility=hidden $(CFLAGS) -fPIC -c -o $@ $<

$(BUILD)/libnest.a: $(COMMON_OBJECTS)
$(BUILD)/libnest-virt.a: $(VIRT:%=$(BUILD)/obj/common/virt/%.o)
# For what is loaded.
$(BUILD)/libnest-pic.a: $(COMMON:%.c=$(BUILD)/pic/%.o) $(BUILD)/pic/common/domain/schema.o
$(BUILD)/libnest.a $(BUILD)/libnest-virt.a $(BUILD)/libnest-pic.a:
	rm -f $@
	$(AR) rcs $@ $^

LINK_SHARED = @mkdir -p $(@D); echo "link $@"; $(CC) $(CFLAGS) $(LDFLAGS) $(filter-out -pie,$(HARDENING_LINK)) $(SECTIONS_LINK) -shared -o $@ $(filter %.o %.a,$^)
LINK_PROGRAM = @mkdir -p $(@D); echo "link $@"; $(CC) $(CFLAGS) $(LDFLAGS) $(HARDENING_LINK) $(SECTIONS_LINK) -o $@ $(filter %.o %.a,$^)

# How the programs end that are fed from outside, where nothing else can be done.
FATAL_HANDLER = $(BUILD)/obj/hooks/fatal.o $(BUILD)/obj/hooks/no_memory.o

# The prefilter is what runs for every start on the host: libc and nothing else. Its malloc() is the judge's as well.
PREFILTER_COMMON = $(FATAL_HANDLER) $(BUILD)/obj/common/base/config_peek.o $(BUILD)/obj/common/base/escape.o \
               $(BUILD)/obj/common/base/rules_peek.o $(BUILD)/obj/common/domain/prefilter.o

$(BUILD)/hooks/qemu: $(BUILD)/obj/hooks/qemu_prefilter.o $(PREFILTER_COMMON)
	$(LINK_PROGRAM)

JUDGE_COMMON = $(BUILD)/pic/hooks/hook_call.o $(BUILD)/pic/hooks/start_cpu.o $(BUILD)/pic/hooks/late_kmod.o \
                $(BUILD)/pic/hooks/fatal.o $(BUILD)/libnest-pic.a

$(BUILD)/libexec/qemu-hook.so: $(BUILD)/pic/hooks/qemu_hook.o $(JUDGE_COMMON)
	$(LINK_SHARED) $(HOOK_LIBS)

$(BUILD)/libexec/kvm-unit: $(BUILD)/obj/hooks/kvm_unit.o $(FATAL_HANDLER) $(BUILD)/libnest.a
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

# What managers of virtual machines call.
MANAGER = $(BUILD)/obj/hooks/managers/manager.o $(FATAL_HANDLER) $(BUILD)/libnest.a

$(BUILD)/libexec/onDefineDomain: $(BUILD)/obj/hooks/managers/on_define_domain.o $(BUILD)/obj/hooks/managers/vmi.o \
                                 $(BUILD)/obj/hooks/managers/vmi_domain.o $(MANAGER)
	$(LINK_PROGRAM) $(JSON_LIBS) $(LIBRARY_LIBS)

$(BUILD)/libexec/vdsm-hook: $(BUILD)/obj/hooks/managers/vdsm_hook.o $(BUILD)/obj/hooks/virt-nest/leave_answer.o $(MANAGER)
	$(LINK_PROGRAM) $(LIBRARY_LIBS)

# The first program in the guests of `virt-nest bench`: libc and nothing else. Not sanitized, as the sanitizers read /proc
# before it could be mounted.
$(BENCH_GUEST:%=$(BUILD)/obj/hooks/bench/%.o): HARDENING := $(filter-out -fsanitize=% -fno-sanitize-recover=%,$(HARDENING))
$(BUILD)/libexec/bench-guest: HARDENING_LINK := $(filter-out -fsanitize=%,$(HARDENING_LINK))
$(BUILD)/libexec/bench-guest: $(BENCH_GUEST:%=$(BUILD)/obj/hooks/bench/%.o)
	$(LINK_PROGRAM)

# What loads the plugins is linked into both programs that do.
PLUGIN_HOST = $(BUILD)/obj/plugins/plugin_host.o $(BUILD)/libnest-virt.a $(BUILD)/libnest.a

$(BUILD)/bin/virt-nest: $(VIRT_NEST:%=$(BUILD)/obj/hooks/virt-nest/%.o) $(BENCH:%=$(BUILD)/obj/hooks/virt-nest/%.o) $(BUILD)/obj/plugins/blocker-image.o \
                       $(BUILD)/obj/plugins/monitor.o $(BUILD)/obj/plugins/monitor-answer.o $(FATAL_HANDLER) $(PLUGIN_HOST)
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(MONITOR_LIBS) $(LIBRARY_LIBS)

$(BUILD)/sbin/virtnestd: $(VIRTNESTD:%=$(BUILD)/obj/plugins/virtnestd/%.o) $(PLUGIN_HOST)
	$(LINK_PROGRAM) $(LIBVIRT_LIBS) $(MONITOR_LIBS) $(LIBRARY_LIBS)

$(BUILD)/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(LIBRARY_CFLAGS) $(filter-out -fPIE,$(ALL_CFLAGS)) $(CFLAGS) -fPIC -fvisibility=hidden -c -o $@ $<

$(BUILD)/plugins/%.so: $(BUILD)/pic/plugins/%.o $(PLUGIN_COMMON:%.c=$(BUILD)/pic/%.o)
	$(LINK_SHARED) $(PLUGIN_LIBS)

# The kernel's part of probe-trace.
$(BUILD)/obj/plugins/nested-entry.bpf.o: plugins/nested-entry.bpf.c plugins/nested-entry.h Makefile
	@mkdir -p $(@D)
	$(CLANG) -target bpf -O2 -g -Wall -Wextra $(if $(WERROR),-Werror) -I/usr/include/$(shell $(CC) -print-multiarch) -c -o $@ $<

$(BUILD)/pic/plugins/probe-trace.o: $(BUILD)/obj/plugins/nested-entry.bpf.o
$(BUILD)/plugins/probe-trace.so: PLUGIN_LIBS += $(BPF_LIBS)
$(BUILD)/plugins/probe-registers.so: $(BUILD)/pic/plugins/registers.o
$(BUILD)/plugins/export-textfile.so: $(BUILD)/pic/common/guard/verdict.o
$(BUILD)/plugins/export-textfile.so: LDFLAGS += -Wl,-z,nodelete # a thread that hangs may outlive its use
$(BUILD)/plugins/guard-blocker.so: $(BUILD)/pic/plugins/blocker-image.o $(BUILD)/pic/plugins/blocker-node.o \
                                   $(BUILD)/pic/plugins/blocker-save.o

-include $(shell find $(BUILD)/obj $(BUILD)/pic -name '*.d' 2>/dev/null)
.PRECIOUS: $(BUILD)/pic/%.o

include install/install.mk
include hooks/managers/kubevirt.mk
include tests/tests.mk

.PHONY: dist sbom
dist:
	@install/dist

# What the programs are made of, for who keeps lists of such.
sbom: $(BUILD)/virt-nest-$(VERSION).spdx.json
$(BUILD)/virt-nest-$(VERSION).spdx.json: $(PROGRAMS) install/sbom
	CC='$(CC)' CLANG='$(CLANG)' install/sbom $(PROGRAMS) >$@

.PHONY: demo
demo: $(PROGRAMS)
	install/demo --no-deps

.PHONY: help
help:
	@awk '/^$$/ { nextfile } sub(/^#   make/, "make")' Makefile tests/tests.mk

# How each file is compiled, as make itself says it.
.PHONY: compile_commands.json
compile_commands.json:
	@mkdir -p $(BUILD)
	$(MAKE) --no-print-directory --always-make --dry-run unit-programs bench-programs \
	        $(BUILD)/obj/hooks/managers/plugin_calls.o | \
	    sed -nE 's,[\\"],\\&,g; s,^.* -c -o [^ ]+ ([^ ]+\.c)$$,{"directory": "$(CURDIR)"\, "file": "\1"\, "command": "&"},p' | \
	    sort -u | paste -s -d , | sed 's/.*/[&]/' >$(BUILD)/compile_commands.json

.PHONY: clean
clean:
	rm -rf $(BUILD)
