# SPDX-License-Identifier: ISC
"""What the programs say of themselves: the tables in their sources."""

import json
import os
import re
import subprocess
import sys

import tree

PREFIX = "pg_tide_relay_"


def built(program):
    """A program of the build that BUILDDIR names."""
    if not os.environ.get("BUILDDIR"):
        sys.exit("BUILDDIR is not set: a build is needed, see make lint")
    return os.path.join(os.environ["BUILDDIR"], program)


def said(program, *arguments):
    return subprocess.check_output([built(program), *arguments], text=True)


def source(*folders):
    """All C of these folders as one text, divided strings joined."""
    text = "\n".join("\n".join(tree.lines(name)) for name in
                     tree.files(".c", under=folders))
    return re.sub(r'"\s*\n\s*"', "", text)


def configuration():
    """name -> (type, default or -, reload or restart) of pg-tided.conf"""
    rows = (line.split("\t") for line in
            said("supervisor/pg-tided", "--help-options").splitlines())
    return {row[0]: tuple(row[1:]) for row in rows}


def sinks():
    """name -> option table, as the database has it."""
    text = "\n".join(tree.lines("sql/sink_types.sql"))
    return {name: json.loads(rows.replace("''", "'")) for name, rows in
            re.findall(r"^\('(\S+)', '[^']*', true, '(\[.*?^\])'\)", text,
                       re.M | re.S)}


def unit(number, units):
    """The number in the largest unit that divides it."""
    name, size = next((u for u in units if number % u[1] == 0), units[-1])
    return "%d%s" % (number // size, name)


MILLISECONDS = (("d", 86400000), ("h", 3600000), ("m", 60000), ("s", 1000),
                ("ms", 1))
BYTES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1))


def bounds(option):
    """(smallest, largest) as text, or None."""
    if "min" not in option:
        return None
    units = {"duration": MILLISECONDS, "size": BYTES}.get(option["type"])
    return tuple(unit(option[b], units) if units and option[b]
                 else "0s" if units is MILLISECONDS else str(option[b])
                 for b in ("min", "max"))


def typed(option):
    """The type as pg-tidectl describe prints it."""
    kind = {"int": "integer", "bool": "boolean (true, false)"}.get(
        option["type"], option["type"])
    if option["type"] == "enum":
        kind = "one of " + "|".join(option["choices"])
    edges = bounds(option)
    return kind + (" (%s..%s)" % edges if edges else "")


def metrics():
    """Name without prefix: labels, from the source of the table."""
    text = source("common/metric_table.c")
    found = {}
    for kind, name, labels in re.findall(
            r'(COUNTER|GAUGE)\(METRIC_\w+,\s*"(\w+)",\s*"[^"]*",'
            r'\s*"([^"]*)"\)', text):
        found[name + ("_total" if kind == "COUNTER" else "")] = labels
    for name, labels in re.findall(
            r'METRIC_HISTOGRAM,\s*P "(\w+)",\s*"[^"]*",\s*"([^"]*)"', text):
        found[name] = labels
    return found


def metrics_declared():
    text = "\n".join(tree.lines("common/metrics.h"))
    return len(re.findall(r"^\tMETRIC_[A-Z_]+(?: = 1)?,", text, re.M)) - 1


def plugin_metrics(plugin):
    """Names as the metrics page has them; "insecure" is everybody's."""
    names = re.findall(r'\[METRIC_\w+\] = \{ "(\w+)"',
                       source("plugins/%s/" % plugin))
    return [PREFIX + "pipeline_insecure" if name == "insecure" else
            "pg_tide_sink_%s_%s" % (plugin, name) for name in names]


def environment(*folders):
    """Variables that a program asks for."""
    return set(re.findall(r'(?:getenv\(|(?=.PG_TIDE_))"([A-Z_]+)"',
                          source(*folders)))


def sql():
    """All of it as one text, divided strings joined."""
    return re.sub(r"'\s*\n\s*'", "", "\n".join(
        "\n".join(tree.lines(name)) for name in
        tree.files(".sql", under=("sql/",))))


CONDITIONS = {
    "dependent_objects_still_exist": "2BP01", "duplicate_object": "42710",
    "invalid_name": "42602", "invalid_parameter_value": "22023",
    "no_data_found": "P0002", "null_value_not_allowed": "22004",
    "object_in_use": "55006", "undefined_object": "42704",
}


def sqlstates():
    """Codes of errors that functions raise."""
    found = set(re.findall(r"ERRCODE = '(\w+)'", sql()))
    return {CONDITIONS.get(code, code) for code in found}


def relations():
    """name -> comment of tables and views, from the SQL."""
    text = sql()
    made = re.findall(r"^CREATE (?:TABLE|VIEW) tide\.(\w+)", text, re.M)
    made += ["event_heads", "event_lag"]  # by tide.views_rebuild()
    comments = dict(re.findall(
        r"^COMMENT ON (?:TABLE|VIEW) tide\.(\w+) IS\s*'((?:[^']|'')*)'",
        text, re.M))
    return {name: comments.get(name) for name in made}
