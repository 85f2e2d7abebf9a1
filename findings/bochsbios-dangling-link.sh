#!/bin/bash
# Debian's bochsbios, in 12 and in 13, has VGABIOS-lgpl-latest as a link into the package vgabios, which nothing pulls in: with bochs and
# bochsbios installed alone, the name that Bochs' own examples give as video BIOS leads nowhere.
. "$(dirname "$0")/packages"

bios() {
    local path=$root/usr/share/bochs/VGABIOS-lgpl-latest
    if [ -L "$path" ]; then echo "a link to $(readlink "$path")"; else echo 'a file'; fi
}

ALONE=yes unpack bookworm bochsbios=2.7+dfsg-4+deb12u1
sees "12's VGABIOS-lgpl-latest" 'a link to ../vgabios/vgabios.bin' "$(bios)"
sees "12's bochsbios needs" '' "$(dpkg-deb -f "$downloads/archives/${debs[0]}" Depends Recommends | grep -o vgabios || :)"
ALONE=yes unpack trixie bochsbios=3.0+dfsg-1
sees "13's VGABIOS-lgpl-latest" 'a link to ../vgabios/vgabios.bin' "$(bios)"
