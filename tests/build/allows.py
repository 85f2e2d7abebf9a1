#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a whole SELinux policy allows, as sesearch finds it, but with the policy read once: allows.py POLICY

Standard input has lines of SOURCE TARGET CLASS PERMISSION... Each line that is not allowed in full is printed, and at its
end, after a colon, what is not."""

import sys

import setools


def allowed(policy, source, target, tclass):
    query = setools.TERuleQuery(policy, ruletype=["allow"], source=source, target=target, tclass=[tclass])
    return set().union(*(rule.perms for rule in query.results()))


policy = setools.SELinuxPolicy(sys.argv[1])
for line in sys.stdin:
    source, target, tclass, *permissions = line.split()
    lacking = set(permissions) - allowed(policy, source, target, tclass)
    if lacking:
        print(f"{line.strip()}: {' '.join(sorted(lacking))}")
