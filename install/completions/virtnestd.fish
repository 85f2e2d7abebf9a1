# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of virtnestd for fish: its options, and the libvirts to follow.

complete -c virtnestd -f
complete -c virtnestd -s c -l connect -x -a 'qemu:///system qemu:///session' -d 'libvirt to follow'
complete -c virtnestd -l session -d 'Follow this user\'s own libvirt'
complete -c virtnestd -s f -l foreground -d 'Stay in the foreground, as it always does'
complete -c virtnestd -l check-config -d 'Check the settings and leave'
complete -c virtnestd -l release -d 'Disarm every guard and leave'
complete -c virtnestd -s v -l verbose -d 'Log also the events that arrive and what is decided'
complete -c virtnestd -s V -l version -d 'Print the version and leave'
complete -c virtnestd -s h -l help -d 'Print the help'
