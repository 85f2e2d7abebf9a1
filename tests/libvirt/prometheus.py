# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a Prometheus on loopback, over its HTTP API.

prometheus.py query EXPRESSION     prints what it gives: labels and value, a line each; fails if that is nothing
prometheus.py range SECONDS EXPRESSION   the same of the last seconds, as JSON: labels and [time, value]...
prometheus.py dashboard FILE       evaluates all expressions of a dashboard of Grafana's; prints each with the number of
                                   its results, and fails if Prometheus has an error for one
prometheus.py rules                prints the state of each alert, and what it is about; fails if a rule fails
"""
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# What Grafana puts in the place of its variables.
VARIABLES = {"$instance": ".*", "$__rate_interval": "5m"}


def ask(path, **parameters):
    url = "http://127.0.0.1:9090/api/v1/%s?%s" % (path, urllib.parse.urlencode(parameters))
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        sys.exit("%s %s: %s" % (path, parameters, error.read().decode()))


def labels(metric):
    return " ".join("%s=%s" % pair for pair in sorted(metric.items()))


def query(expression):
    results = ask("query", query=expression)["result"]
    for result in results:
        print(labels(result["metric"]), result["value"][1])
    return results


def show_range(seconds, expression):
    now = time.time()
    answer = ask("query_range", query=expression, start=now - float(seconds), end=now, step=1)
    json.dump([[labels(result["metric"]), result["values"]] for result in answer["result"]], sys.stdout)


def dashboard(path):
    with open(path) as file:
        panels = json.load(file)["panels"]
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            print(panel["title"] + ":", len(ask("query", query=expression)["result"]))


def rules():
    for group in ask("rules")["groups"]:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                sys.exit("%s: %s %s" % (rule["name"], rule["health"], rule.get("lastError")))
            print(rule["name"], rule["state"], *(alert["annotations"]["summary"] for alert in rule["alerts"]))


if sys.argv[1] == "query":
    sys.exit(not query(sys.argv[2]))
{"range": show_range, "dashboard": dashboard, "rules": rules}[sys.argv[1]](*sys.argv[2:])
