"""A real Prometheus that scrapes a real server, and what the dashboard, the alerts and the docs ask of it.

usage: queries.py RULES   writes every query of the dashboard and of the autoscaler as a file of rules, which promtool can check
"""

import json
import pathlib
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from host import Process

NAMES = re.compile(r"\b(?:lyne_teacher|jvm|process|system)_[a-z0-9_]+\b")
NO_METRICS = {"process_exit_code"}
# Of an engine, of the HTTP door, of a quota: not there without one, as here. The server's source must have them.
SOMETIMES = ("lyne_teacher_engine_", "lyne_teacher_http_", "lyne_teacher_quota_")


class Prometheus(Process):
    """Scrapes 127.0.0.1:9464 every second, as the job of deploy/prometheus/prometheus.yaml and with its rules."""

    def __init__(self, folder, work):
        configuration = (folder / "prometheus.yaml").read_text()
        configuration = re.sub(r"dns_sd_configs:.*\n.*", "static_configs: [{targets: ['127.0.0.1:9464']}]", configuration)
        configuration = re.sub(r"(scrape|evaluation)_interval: \w+", r"\1_interval: 1s", configuration)
        rules = folder / "lyne-alerts.yaml"
        (work / "prometheus.yaml").write_text(configuration.replace("lyne-alerts.yaml", str(rules)))
        super().__init__(["prometheus", f"--config.file={work}/prometheus.yaml", f"--storage.tsdb.path={work}/tsdb",
                          "--web.listen-address=127.0.0.1:9090"], work / "prometheus.log", cwd=work)
        self.start = time.monotonic()

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:9090/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.get("query", query=expression)["result"]


def panel_queries(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "20s").replace("$instance", ".*").replace("$teacher", ".*")


def rules_of(repository):
    """A group for each panel, whose place and title promtool names where a query of it is wrong."""
    dashboard = json.loads((repository / "deploy/grafana/lyne-dashboard.json").read_text())
    asked = [*panel_queries(dashboard), *((definition, selector) for definition, selector, _ in variables(dashboard))]
    asked.append(("prometheus/adapter-rules.yaml", autoscaler_query(repository)))
    groups = [
        {"name": f"{number}: {title}", "rules": [{"record": f"query:{number}", "expr": expression}]}
        for number, (title, expression) in enumerate(asked, 1)
    ]
    return {"groups": groups}


def check_queries(prometheus, repository, check, with_shared_cache):
    dashboard = json.loads((repository / "deploy/grafana/lyne-dashboard.json").read_text())
    check("live: every query of the dashboard gives numbers", lambda: dashboard_gives_numbers(prometheus, dashboard))
    check("live: the dashboard's variables have values", lambda: variables_have_values(prometheus, dashboard))
    check("live: every rule is evaluated, and none fires", lambda: rules_are_evaluated(prometheus))
    check("live: the autoscaler's query gives a number", lambda: autoscaler(prometheus, repository))
    check("live: every metric that dashboard, alerts and docs name is there", lambda: names_exist(prometheus, repository))
    if with_shared_cache:
        check("live: rows went into the shared cache",
              lambda: above_zero(prometheus, 'lyne_teacher_tier_written_bytes_total{tier="shared"}'))


def dashboard_gives_numbers(prometheus, dashboard):
    wrong = []
    count = 0
    for title, expression in panel_queries(dashboard):
        count += 1
        try:
            values = [float(series["value"][1]) for series in prometheus.query(expression)]
        except urllib.error.HTTPError as e:
            wrong.append(f"{title}: {expression}: {json.load(e)['error']}")
            continue
        if not any(value == value for value in values):
            wrong.append(f"{title}: {expression}: no number")
    if wrong:
        raise AssertionError("; ".join(wrong))
    return f"{count} queries"


def variables(dashboard):
    """Definition, selector and label of each variable that is a query."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["definition"], *re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()


def variables_have_values(prometheus, dashboard):
    for definition, selector, label in variables(dashboard):
        if not prometheus.get(f"label/{label}/values", **{"match[]": selector}):
            raise AssertionError(f"{definition} has none")


def rules_are_evaluated(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    wrong = [rule["name"] + ": " + rule.get("lastError", "") for rule in rules if rule["health"] != "ok"]
    firing = [rule["name"] for rule in rules if rule.get("state") == "firing"]
    if wrong or firing or not rules:
        raise AssertionError(f"{len(rules)} rules; in error: {wrong}; firing: {firing} (expected: none)")
    return f"{len(rules)} rules"


def autoscaler_query(repository):
    text = (repository / "deploy/prometheus/adapter-rules.yaml").read_text()
    folded = re.search(r"metricsQuery: >-\n((?:        .*\n)+)", text).group(1)
    return " ".join(folded.split()).replace("<<.GroupBy>>", "instance").replace("<<.LabelMatchers>>", 'job="lyne-teacher"')


def autoscaler(prometheus, repository):
    expression = autoscaler_query(repository)
    result = prometheus.query(expression)
    if len(result) != 1:
        raise AssertionError(f"{expression}: {result}")
    return f"{float(result[0]['value'][1]):.3f} s"


def names_exist(prometheus, repository):
    known = set(prometheus.get("label/__name__/values"))
    found = set()
    for file in ("deploy/grafana/lyne-dashboard.json", "deploy/prometheus/lyne-alerts.yaml", "deploy/prometheus/lyne-alerts.test.yaml",
                 "deploy/prometheus/adapter-rules.yaml", "docs/operations.md"):
        found |= set(NAMES.findall((repository / file).read_text()))
    source = "".join(file.read_text() for file in (repository / "teacher-server/src/main/java").rglob("*Metrics.java"))
    source += "".join(file.read_text() for file in (repository / "teacher-server/src/main/java/dev/lyne/teacher/http").glob("*.java"))
    known |= {name for name in found if name.startswith(SOMETIMES) and registered(name, source)}
    missing = sorted(name for name in found - NO_METRICS if not name.endswith("_") and name not in known)
    if missing:
        raise AssertionError(f"{missing} (expected: names of what is scraped)")
    return f"{len(found)} names"


def registered(name, source):
    """Whether a meter of that name is made, whole or behind the name of its family."""
    dotted = name.removesuffix("_total").replace("_", ".")
    return f'"{dotted}"' in source or f'"{dotted.split(".", 3)[3]}"' in source


def above_zero(prometheus, expression):
    result = prometheus.query(expression)
    if not result or float(result[0]["value"][1]) <= 0:
        raise AssertionError(f"{expression}: {result}")


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(rules_of(pathlib.Path(__file__).parents[2]), indent=1))
