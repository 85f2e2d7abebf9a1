# SPDX-License-Identifier: LGPL-2.1-or-later
# make install: what goes where.

HOOK_DIRECTORY = $(DESTDIR)$(sysconfdir)/libvirt/hooks
INSTALL_PROGRAM = install -D -m 755
INSTALL_DATA    = install -D -m 644
# What a file says of this build: where programs are, and the plugins there are.
FILL_IN = sed 's,@sbindir@,$(sbindir),; s,@bindir@,$(bindir),; s,@libexecdir@,$(libexecdir),; s,@datadir@,$(datadir),; s,@plugindir@,$(plugindir),; s,@docdir@,$(docdir),; s,@PLUGINS@,$(PLUGINS),'
SCHEMAS = virt-nest-tag.rng virt-nest-state.rng virt-nest-allow.rng
SERVICES = virtnestd.service virt-nest-drain.service
APPARMOR = $(DESTDIR)$(sysconfdir)/apparmor.d
UNITS   = $(SERVICES) virt-nest-kvm@.service
DOCUMENTS = design.md facts.md terms.md
NOTICES = NEWS SECURITY.md
EXAMPLES = monitoring/alerts.yml monitoring/dashboard.json kubevirt/Containerfile kubevirt/configmap.yaml kubevirt/vm.yaml \
           kubevirt/Containerfile.plugin kubevirt/plugin.yaml
RULES   = cloudstack.conf names.conf nova.conf opennebula.conf ovirt.conf
MANUALS = virt-nest.1 virtnestd.8 virt-nest.conf.5 virt-nest-rules.5 virt-nest-plugin.7 virt-nest-recipes.7 virt-nest-managers.7 \
          virt-nest-nested-guests-running.7
# On the host itself, so that man -k finds them at once: Debian's own man-db comes once a day.
INDEX_MANUALS = if [ -z "$(DESTDIR)" ] && command -v mandb >/dev/null; then mandb --quiet $(mandir) || :; fi

# Of a package's files nothing is replaced or taken away.
IS_PACKAGED = { dpkg-query -W -f '$${db:Status-Status}' virt-nest | grep -qx installed || rpm --quiet -q virt-nest; } 2>/dev/null
.PHONY: not-packaged
not-packaged:
	@if [ -z "$(DESTDIR)" ] && $(IS_PACKAGED); then \
	    echo 'virt-nest is installed as a package, whose files this would replace or remove: remove the package first (apt or dnf remove virt-nest)' >&2; \
	    exit 1; fi

.PHONY: install install-apparmor install-vdsm uninstall
install: not-packaged $(PROGRAMS)
	$(INSTALL_DATA) $(BUILD)/libexec/qemu-hook.so $(DESTDIR)$(hookdir)/qemu-hook.so.new
	mv -f $(DESTDIR)$(hookdir)/qemu-hook.so.new $(DESTDIR)$(hookdir)/qemu-hook.so
	$(INSTALL_PROGRAM) $(BUILD)/libexec/kvm-unit $(DESTDIR)$(libexecdir)/virt-nest/kvm-unit
	$(INSTALL_PROGRAM) $(BUILD)/libexec/onDefineDomain $(DESTDIR)$(libexecdir)/virt-nest/onDefineDomain
	$(INSTALL_PROGRAM) $(BUILD)/libexec/vdsm-hook $(DESTDIR)$(libexecdir)/virt-nest/vdsm-hook
	$(INSTALL_PROGRAM) $(BUILD)/libexec/bench-guest $(DESTDIR)$(libexecdir)/virt-nest/bench-guest
	$(INSTALL_PROGRAM) install/hook-link $(DESTDIR)$(libexecdir)/virt-nest/hook-link
	$(INSTALL_PROGRAM) $(BUILD)/bin/virt-nest $(DESTDIR)$(bindir)/virt-nest
	$(INSTALL_PROGRAM) $(BUILD)/sbin/virtnestd $(DESTDIR)$(sbindir)/virtnestd
	for plugin in $(PLUGINS); do \
	    $(INSTALL_DATA) $(BUILD)/plugins/$$plugin.so $(DESTDIR)$(plugindir)/$$plugin.so || exit; done
	for schema in $(SCHEMAS); do \
	    $(INSTALL_DATA) install/schema/$$schema $(DESTDIR)$(datadir)/virt-nest/$$schema || exit; done
	for program in virt-nest virtnestd; do \
	    $(INSTALL_DATA) install/completions/$$program $(DESTDIR)$(datadir)/bash-completion/completions/$$program && \
	    $(INSTALL_DATA) install/completions/$$program.fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/$$program.fish || \
	    exit; done
	$(INSTALL_DATA) install/completions/_virt-nest $(DESTDIR)$(datadir)/zsh/site-functions/_virt-nest
	$(INSTALL_DATA) install/config/advisories.conf $(DESTDIR)$(datadir)/virt-nest/advisories.conf
	for page in $(MANUALS); do \
	    $(FILL_IN) install/man/$$page | $(INSTALL_DATA) /dev/stdin $(DESTDIR)$(mandir)/man$${page##*.}/$$page || exit; done
	for document in $(DOCUMENTS); do \
	    $(INSTALL_DATA) install/doc/$$document $(DESTDIR)$(docdir)/$$document || exit; done
	for document in $(NOTICES); do \
	    $(INSTALL_DATA) $$document $(DESTDIR)$(docdir)/$$document || exit; done
	for example in $(EXAMPLES); do \
	    $(INSTALL_DATA) install/$$example $(DESTDIR)$(docdir)/examples/$${example##*/} || exit; done
	for example in $(RULES); do \
	    $(INSTALL_DATA) install/config/rules.d-examples/$$example $(DESTDIR)$(docdir)/examples/rules.d/$$example || exit; done
	for unit in $(UNITS); do \
	    $(FILL_IN) install/units/$$unit | $(INSTALL_DATA) /dev/stdin $(DESTDIR)$(unitdir)/$$unit || exit; done
	$(FILL_IN) install/units/user/virtnestd.service | $(INSTALL_DATA) /dev/stdin $(DESTDIR)$(userunitdir)/virtnestd.service
	test -e $(DESTDIR)$(sysconfdir)/virt-nest/virt-nest.conf || \
	    $(FILL_IN) install/config/virt-nest.conf | \
	    $(INSTALL_DATA) /dev/stdin $(DESTDIR)$(sysconfdir)/virt-nest/virt-nest.conf
	install/hook-link rescue $(HOOK_DIRECTORY)
	$(INSTALL_PROGRAM) $(BUILD)/hooks/qemu $(DESTDIR)$(hook).new
	mv -f $(DESTDIR)$(hook).new $(DESTDIR)$(hook)
	install/hook-link make $(HOOK_DIRECTORY) $(hook)
	if [ -z "$(DESTDIR)" ] && [ -d $(APPARMOR)/tunables ]; then $(MAKE) --no-print-directory install-apparmor && $(LOAD_PROFILE); fi
	rm -f $(DESTDIR)$(hookdir)/qemu-hook # the judge of earlier builds
	$(INDEX_MANUALS)

# virtnestd's profile, for a host that has AppArmor; a package asks for it by itself. A virtnestd that runs is confined from
# its next start on.
LOAD_PROFILE = { ! aa-enabled --quiet 2>/dev/null || apparmor_parser --replace --write-cache $(APPARMOR)/virtnestd || :; }
UNLOAD_PROFILE = { ! aa-enabled --quiet 2>/dev/null || apparmor_parser --remove $(APPARMOR)/virtnestd || :; }
install-apparmor:
	$(FILL_IN) install/apparmor/virtnestd | $(INSTALL_DATA) /dev/stdin $(APPARMOR)/virtnestd
	$(INSTALL_DATA) install/apparmor/libvirt-qemu $(APPARMOR)/abstractions/libvirt-qemu.d/virt-nest

# Where VDSM, oVirt's agent, looks for hooks: for the package of its own that its hooks have.
VDSM_HOOKS  = /usr/libexec/vdsm/hooks
VDSM_POINTS = before_vm_start before_vm_hibernate before_vm_migrate_source before_vm_migrate_destination
install-vdsm:
	for point in $(VDSM_POINTS); do mkdir -p $(DESTDIR)$(VDSM_HOOKS)/$$point && \
	    ln -srf $(DESTDIR)$(libexecdir)/virt-nest/vdsm-hook $(DESTDIR)$(VDSM_HOOKS)/$$point/50_nest || exit; done

# The settings stay: they are the administrator's. Tagged domains keep their definitions and are then
# started without the hook's check. On the host itself the units are stopped and the guards disarmed first, as
# nobody would later; while a virtnestd runs all the same, which would arm them again, nothing is removed.
ON_SYSTEMD = [ -z "$(DESTDIR)" ] && [ -d /run/systemd/system ]
uninstall: not-packaged
	if $(ON_SYSTEMD); then for unit in $(SERVICES); do \
	    [ ! -e $(unitdir)/$$unit ] || systemctl stop $$unit || :; done; fi
	if [ -z "$(DESTDIR)" ] && [ -x $(sbindir)/virtnestd ]; then \
	    status=0; $(sbindir)/virtnestd --release || status=$$?; \
	    [ $$status != 3 ] || { \
	        echo 'uninstall: nothing was removed: stop that virtnestd, then do this again' >&2; exit 1; }; \
	    [ $$status = 0 ] || echo 'uninstall: not every guard could be disarmed: what is left ends with its QEMU' >&2; fi
	if $(ON_SYSTEMD); then for unit in $(SERVICES); do \
	    [ ! -e $(unitdir)/$$unit ] || systemctl --quiet disable $$unit || :; done; fi
	install/hook-link remove $(HOOK_DIRECTORY)
	rm -f $(DESTDIR)$(hook)
	if [ -z "$(DESTDIR)" ] && [ -e $(APPARMOR)/virtnestd ]; then $(UNLOAD_PROFILE); fi
	rm -f $(APPARMOR)/virtnestd $(APPARMOR)/abstractions/libvirt-qemu.d/virt-nest
	rm -f $(DESTDIR)$(bindir)/virt-nest $(DESTDIR)$(sbindir)/virtnestd
	for point in $(VDSM_POINTS); do rm -f $(DESTDIR)$(VDSM_HOOKS)/$$point/50_nest; done
	for unit in $(UNITS); do rm -f $(DESTDIR)$(unitdir)/$$unit; done
	rm -f $(DESTDIR)$(userunitdir)/virtnestd.service
	for program in virt-nest virtnestd; do \
	    rm -f $(DESTDIR)$(datadir)/bash-completion/completions/$$program \
	        $(DESTDIR)$(datadir)/fish/vendor_completions.d/$$program.fish; done
	rm -f $(DESTDIR)$(datadir)/zsh/site-functions/_virt-nest
	for page in $(MANUALS); do rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$$page; done
	rm -rf $(DESTDIR)$(hookdir) $(DESTDIR)$(libexecdir)/virt-nest $(DESTDIR)$(datadir)/virt-nest $(DESTDIR)$(libdir)/virt-nest \
	    $(DESTDIR)$(docdir)
	for directory in prometheus/node-exporter node_exporter/textfile_collector; do \
	    rm -f $(DESTDIR)/var/lib/$$directory/virt_nest.prom; done
	$(INDEX_MANUALS)
	if $(ON_SYSTEMD); then systemctl daemon-reload || :; fi
