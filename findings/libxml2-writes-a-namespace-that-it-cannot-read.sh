#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# libxml2 2.9 escapes every value that it writes, except the name of a namespace. A document whose namespace has a "<" in its
# name, written as a reference, is well-formed XML. If a program reads this document and writes it again, neither that program
# nor any other can read the result. In any other attribute the same character is written as it was read.
. "$(dirname "$0")/packages"

# written ATTRIBUTE: how xmllint writes an element with it; that it is not a URI is told on standard error.
written() { printf '<a %s="a&lt;b"/>' "$1" | inside xmllint - 2>/dev/null | tail -n 1; }
reads_again() { if written "$1" | inside xmllint --noout - 2>/dev/null; then echo read; else echo 'not read'; fi; }

unpack bookworm libxml2-utils=2.9.14+dfsg-1.3~deb12u6
sees 'an attribute is written as' '<a x="a&lt;b"/>' "$(written x)"
sees 'what was written is' read "$(reads_again x)"
sees 'a namespace is written as' '<a xmlns:x="a<b"/>' "$(written xmlns:x)"
sees 'what was written is' 'not read' "$(reads_again xmlns:x)"
