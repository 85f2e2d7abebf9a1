# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of virt-nest for fish: commands, options, their values and the domains libvirt knows.

# The command of the line so far, with its action after `host`; "none" before there is one.
function __virt_nest_command
    set -l found
    set -l value no
    for word in (commandline -opc)[2..-1]
        if test $value = yes
            set value no
            continue
        end
        switch $word
            case -c --connect
                set value yes
            case '-*'
                continue
            case '*'
                set found $found $word
        end
    end
    if test (count $found) -eq 0
        echo none
    else if test $found[1] = host -a (count $found) -gt 1
        echo host $found[2]
    else
        echo $found[1]
    end
end

# __virt_nest_is COMMAND...: the line has one of these commands.
function __virt_nest_is
    contains -- (__virt_nest_command | string join ' ') $argv
end

# The domains of the libvirt that the line names.
function __virt_nest_domains
    set -l uri
    set -l value no
    for word in (commandline -opc)
        if test $value = yes
            set uri -c $word
            set value no
        else if contains -- $word -c --connect
            set value yes
        end
    end
    virsh $uri list --all --name 2>/dev/null | string match -v ''
end

set -l nest complete -c virt-nest
$nest -f
$nest -n 'not __virt_nest_is rewrite host "host enable" "host disable" check-host' -s c -l connect -x -a 'qemu:///system qemu:///session' -d 'The libvirt to talk to'
$nest -s v -l verbose -d 'Say what is done on the way'
$nest -s h -l help -d 'Show the help'
$nest -n '__virt_nest_is none' -s V -l version -d 'Show the version'

$nest -n '__virt_nest_is none' -a enable -d 'Tag domains'
$nest -n '__virt_nest_is none' -a disable -d 'Take the tag away'
$nest -n '__virt_nest_is none' -a apply -d 'Correct definitions'
$nest -n '__virt_nest_is none' -a status -d 'Show what is in effect, and why not'
$nest -n '__virt_nest_is none' -a top -d 'Watch nested guests and guards'
$nest -n '__virt_nest_is none' -a allow -d 'Let a domain be migrated or saved'
$nest -n '__virt_nest_is none' -a may-leave -d 'Tell whether a domain may be migrated or saved'
$nest -n '__virt_nest_is none' -a preflight -d 'Tell whether a domain would live on another host'
$nest -n '__virt_nest_is none' -a drain -d 'Shut down what cannot be saved'
$nest -n '__virt_nest_is none' -a bench -d 'Measure what nesting costs'
$nest -n '__virt_nest_is none' -a rewrite -d 'Rewrite domain XML'
$nest -n '__virt_nest_is none' -a rules -d 'List rules, or say which decides'
$nest -n '__virt_nest_is none' -a host -d 'Show or turn on nesting'
$nest -n '__virt_nest_is none' -a doctor -d 'Say what is wrong and what to do'
$nest -n '__virt_nest_is none' -a report -d 'Gather what a bug report needs'
$nest -n '__virt_nest_is none' -a check-host -d 'Tell whether guests can nest'

$nest -n '__virt_nest_is enable disable apply status top allow may-leave preflight' -a '(__virt_nest_domains)'
$nest -n '__virt_nest_is rewrite' -F
$nest -n '__virt_nest_is host' -a 'enable disable drain-plan'

$nest -n '__virt_nest_is enable' -l cpu -x -a 'auto host-passthrough host-model keep'
$nest -n '__virt_nest_is enable' -l migration -x -a 'refuse allow'
$nest -n '__virt_nest_is enable' -l required -x -a 'yes no'
$nest -n '__virt_nest_is enable' -l json
$nest -n '__virt_nest_is enable' -l dry-run
$nest -n '__virt_nest_is disable' -l forbid
$nest -n '__virt_nest_is disable' -l json
$nest -n '__virt_nest_is disable' -l dry-run
$nest -n '__virt_nest_is apply' -l all
$nest -n '__virt_nest_is apply' -l json
$nest -n '__virt_nest_is status' -l json
$nest -n '__virt_nest_is status' -l check
$nest -n '__virt_nest_is status' -l tagged
$nest -n '__virt_nest_is status' -l running
$nest -n '__virt_nest_is status' -l exposed
$nest -n '__virt_nest_is status' -l problems
$nest -n '__virt_nest_is top' -s i -l interval -x -a '0.5 1 5'
$nest -n '__virt_nest_is top' -s n -l count -x -a '1 10'
$nest -n '__virt_nest_is allow' -l for -x -a '10m 1h 1d'
$nest -n '__virt_nest_is allow' -l once
$nest -n '__virt_nest_is allow' -l end
$nest -n '__virt_nest_is may-leave' -l json
$nest -n '__virt_nest_is may-leave' -l ask-qemu
$nest -n '__virt_nest_is preflight' -l json
$nest -n '__virt_nest_is drain' -l timeout -x -a '60 300'
$nest -n '__virt_nest_is drain' -l dry-run
$nest -n '__virt_nest_is drain' -s y -l yes
$nest -n '__virt_nest_is bench' -l cpu -x -a 'host-passthrough host-model'
$nest -n '__virt_nest_is bench' -l kernel -x
$nest -n '__virt_nest_is bench' -l rounds -x -a '7 21'
$nest -n '__virt_nest_is bench' -l short
$nest -n '__virt_nest_is bench' -l levels -x -a '1,2 1,1 2,2'
$nest -n '__virt_nest_is bench' -l emulate
$nest -n '__virt_nest_is bench' -l svg -r -F
$nest -n '__virt_nest_is bench' -l json
$nest -n '__virt_nest_is rewrite' -l enable
$nest -n '__virt_nest_is rewrite' -l cpu -x -a 'auto host-passthrough host-model keep'
$nest -n '__virt_nest_is rewrite' -l migration -x -a 'refuse allow'
$nest -n '__virt_nest_is rewrite' -l required -x -a 'yes no'
$nest -n '__virt_nest_is rewrite' -l domain -x
$nest -n '__virt_nest_is rewrite' -l cpu-vendor -x -a 'intel amd hygon zhaoxin ibm arm'
$nest -n '__virt_nest_is rewrite' -l explain
$nest -n '__virt_nest_is rules' -l json
$nest -n '__virt_nest_is rules' -l check
$nest -n '__virt_nest_is rules' -l explain -x -a '(__virt_nest_domains)'
$nest -n '__virt_nest_is rules' -l xml -r -F
$nest -n '__virt_nest_is host' -l json
$nest -n '__virt_nest_is doctor' -l json
$nest -n '__virt_nest_is "host enable"' -l now
$nest -n '__virt_nest_is "host enable"' -l boot
$nest -n '__virt_nest_is "host enable"' -l dry-run
$nest -n '__virt_nest_is "host enable"' -l force
$nest -n '__virt_nest_is "host disable"' -l now
$nest -n '__virt_nest_is "host drain-plan"' -l json
