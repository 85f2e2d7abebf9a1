# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Where this machine takes Debian from, and what apt is told of it. Source it.

# debian_mirror [LABEL]: the address of main, or of Debian-Security; empty where apt knows none.
debian_mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' 'Identifier: Packages' 2>/dev/null |
        sed -n "s, Debian ${1:-Debian} main\$,,p" | head -n 1 || :
}

# debian_sources MIRROR SUITE [PART...]: apt's lines for a suite, its parts, such as updates, and its security fixes.
debian_sources() {
    local security part
    security=$(debian_mirror Debian-Security)
    echo "deb $1 $2 main"
    for part in "${@:3}"; do echo "deb $1 $2-$part main"; done
    echo "deb ${security:-${1%/debian*}/debian-security} $2-security main"
}
