# SPDX-License-Identifier: LGPL-2.1-or-later
# kubevirt-plugin, for KubeVirt's plugins: the only program that needs gRPC, and a C++ compiler, so it is not part of all.
#
#   make kubevirt     build/libexec/kubevirt-plugin; install/deps kubevirt brings what it needs

# What judges, which the unit tests have as well.
NODE_LEAVE        = $(BUILD)/obj/hooks/managers/node_leave.o $(BUILD)/obj/hooks/managers/node_watch.o \
                    $(BUILD)/obj/hooks/managers/vmi.o $(BUILD)/obj/plugins/probe-debugfs.o
KUBEVIRT_PACKAGES = grpc++ protobuf
KUBEVIRT_MADE     = $(BUILD)/obj/hooks/managers/kubevirt_plugin
KUBEVIRT_OBJECTS  = $(KUBEVIRT_MADE).o $(KUBEVIRT_MADE).pb.o $(KUBEVIRT_MADE).grpc.pb.o $(NODE_LEAVE) \
                    $(BUILD)/obj/hooks/managers/plugin_calls.o $(BUILD)/obj/hooks/managers/vmi_domain.o $(MANAGER)

.PHONY: kubevirt install-kubevirt
kubevirt:
	@pkg-config --exists $(KUBEVIRT_PACKAGES) && command -v protoc grpc_cpp_plugin $(CXX) >/dev/null || { \
	    echo "kubevirt-plugin needs gRPC's library for C++ and its compiler of protocols: 'sudo install/deps kubevirt' installs them" >&2; exit 1; }
	@$(MAKE) --no-print-directory $(BUILD)/libexec/kubevirt-plugin

install-kubevirt: kubevirt
	$(INSTALL_PROGRAM) $(BUILD)/libexec/kubevirt-plugin $(DESTDIR)$(libexecdir)/virt-nest/kubevirt-plugin

# What protoc makes is not ours to mend, so our warnings are for our file alone.
CXX_FLAGS = -std=c++17 -D_GNU_SOURCE $(HARDENING) -Icommon -Iplugins -Ihooks/managers -I$(BUILD)/obj/hooks/managers -MMD -MP
CXX_WARN  = $(filter-out -Wstrict-prototypes -Wmissing-prototypes -Wundef,$(WARNINGS))

$(KUBEVIRT_MADE).pb.cc $(KUBEVIRT_MADE).grpc.pb.cc &: hooks/managers/kubevirt_plugin.proto
	@mkdir -p $(@D)
	protoc -Ihooks/managers --cpp_out=$(@D) --grpc_out=$(@D) --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) $<

$(KUBEVIRT_MADE).pb.o $(KUBEVIRT_MADE).grpc.pb.o: %.o: %.cc
	$(CXX) $(CPPFLAGS) $(CXX_FLAGS) $(CFLAGS) -c -o $@ $<

$(KUBEVIRT_MADE).o: hooks/managers/kubevirt_plugin.cc $(KUBEVIRT_MADE).grpc.pb.cc Makefile
	$(CXX) $(CPPFLAGS) $(LIBRARY_CFLAGS) $(CXX_FLAGS) $(CXX_WARN) $(CFLAGS) -c -o $@ $<

$(BUILD)/libexec/kubevirt-plugin: $(KUBEVIRT_OBJECTS)
	@mkdir -p $(@D); echo "link $@"
	@$(CXX) $(CFLAGS) $(LDFLAGS) $(HARDENING_LINK) $(SECTIONS_LINK) -o $@ $(filter %.o %.a,$^) $$(pkg-config --libs $(KUBEVIRT_PACKAGES)) $(JSON_LIBS) $(LIBRARY_LIBS)
