# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Where this machine takes Debian from. Source it.

# debian_mirror [LABEL]: the address of main, or of Debian-Security; empty where apt knows none.
debian_mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Identifier: Packages' 2>/dev/null |
        sed -n "s, Debian ${1:-Debian} main\$,,p" | head -n 1 || :
}
