# make install: what goes where. The hook never replaces somebody else's.

HOOK_FOLDER = $(DESTDIR)$(sysconfdir)/libvirt/hooks
# Where a hook that is not ours exists, libvirt runs ours after it, from qemu.d.
HOOK = $(shell test -e $(HOOK_FOLDER)/qemu && ! grep -q virt-nest $(HOOK_FOLDER)/qemu && \
         echo qemu.d/50-virt-nest || echo qemu)
INSTALL_PROGRAM = install -D -m 755
INSTALL_DATA    = install -D -m 644
MANUALS = virt-nest.1 virtnestd.8 virt-nest.conf.5

.PHONY: install uninstall
install: $(PROGRAMS)
	$(INSTALL_PROGRAM) $(BUILD)/libexec/qemu-hook $(DESTDIR)$(libexecdir)/virt-nest/qemu-hook
	$(INSTALL_PROGRAM) $(BUILD)/bin/virt-nest $(DESTDIR)$(bindir)/virt-nest
	$(INSTALL_PROGRAM) $(BUILD)/sbin/virtnestd $(DESTDIR)$(sbindir)/virtnestd
	$(INSTALL_DATA) install/schema/virt-nest-tag.rng $(DESTDIR)$(datadir)/virt-nest/virt-nest-tag.rng
	$(INSTALL_DATA) install/schema/virt-nest-state.rng $(DESTDIR)$(datadir)/virt-nest/virt-nest-state.rng
	$(INSTALL_DATA) install/completions/virt-nest $(DESTDIR)$(datadir)/bash-completion/completions/virt-nest
	for page in $(MANUALS); do \
	    $(INSTALL_DATA) install/man/$$page $(DESTDIR)$(mandir)/man$${page##*.}/$$page; done
	mkdir -p $(DESTDIR)$(unitdir)
	sed 's,@sbindir@,$(sbindir),' install/units/virtnestd.service >$(DESTDIR)$(unitdir)/virtnestd.service
	test -e $(DESTDIR)$(sysconfdir)/virt-nest/virt-nest.conf || \
	    $(INSTALL_DATA) install/config/virt-nest.conf $(DESTDIR)$(sysconfdir)/virt-nest/virt-nest.conf
	$(INSTALL_PROGRAM) $(BUILD)/hooks/qemu $(HOOK_FOLDER)/$(HOOK).new
	mv -f $(HOOK_FOLDER)/$(HOOK).new $(HOOK_FOLDER)/$(HOOK)

# The settings stay: they are the administrator's. Tagged domains keep their definitions and are then
# started without the hook's check.
uninstall:
	for hook in qemu qemu.d/50-virt-nest; do \
	    if grep -qs virt-nest $(HOOK_FOLDER)/$$hook; then rm -f $(HOOK_FOLDER)/$$hook; fi; done
	rm -f $(DESTDIR)$(bindir)/virt-nest $(DESTDIR)$(sbindir)/virtnestd
	rm -f $(DESTDIR)$(unitdir)/virtnestd.service
	rm -f $(DESTDIR)$(datadir)/bash-completion/completions/virt-nest
	for page in $(MANUALS); do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$$page; done
	rm -rf $(DESTDIR)$(libexecdir)/virt-nest $(DESTDIR)$(datadir)/virt-nest
