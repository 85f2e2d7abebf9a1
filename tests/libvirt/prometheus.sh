# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A real node_exporter and a real Prometheus of the host's, on loopback in a network namespace of their own, with the
# shipped alerts. Source it after labs.sh.

collected=/var/lib/prometheus/node-exporter # where Debian's node_exporter looks

# prometheus_start: both look each second, and no alert waits, for the test's sake.
prometheus_start() {
    host_daemon_gone "$host" prometheus || return 0
    mkdir -p "$host$collected" "$host/var/tmp/prometheus"
    sed '/^ *for: /d' install/monitoring/alerts.yml >"$host/var/tmp/prometheus/alerts.yml"
    cat >"$host/var/tmp/prometheus/prometheus.yml" <<-END
	global: {scrape_interval: 1s, evaluation_interval: 1s}
	rule_files: [alerts.yml]
	scrape_configs: [{job_name: node, static_configs: [{targets: ['127.0.0.1:9100']}]}]
	END
    host_daemon_start "$host" prometheus unshare --net sh -c 'busybox ip link set lo up
        prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults --collector.textfile &
        exec prometheus --web.listen-address=127.0.0.1:9090 --config.file=/var/tmp/prometheus/prometheus.yml \
            --storage.tsdb.path=/var/tmp/prometheus/data'
    eventually prometheus rules
}

# prometheus WHAT...: as prometheus.py has it.
prometheus() {
    host_run "$host" nsenter --net --target "$(host_daemon_pid "$host" prometheus)" python3 "$PWD/tests/libvirt/prometheus.py" "$@"
}
