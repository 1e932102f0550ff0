#!/usr/bin/python3
"""Writes the option lists of loggia.conf(5), board.conf(5) and rlm_loggia(5) from the schema tables in the code, between
the marks in each page.  docs/man/options.py  rewrites them;  --check  exits 1 if one is behind."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAN = ROOT / "docs/man"
BEGIN, END = '.\\" options: begin', '.\\" options: end'


def rows(text, head):
    """The initialisers that begin with one of `head`, as lists of their arguments."""
    for m in re.finditer(head, text):
        depth, quoted, args, at = 1, False, [""], m.end()
        while depth:
            c = text[at]
            if c == '"' and text[at - 1] != "\\":
                quoted = not quoted
            if not quoted and c in "({":
                depth += 1
            if not quoted and c in ")}":
                depth -= 1
            if not depth:
                break
            if c == "," and depth == 1 and not quoted:
                args.append("")
            else:
                args[-1] += c
            at += 1
        yield [m.group(1)] + [a.strip() for a in args]


def unquote(text):
    """A C string (or several side by side); None for anything else."""
    parts = re.findall(r'"((?:\\.|[^"\\])*)"', text)
    return "".join(parts).replace('\\"', '"') if parts else None


def sentences(text):
    """mdoc wants each sentence on a line of its own."""
    return re.sub(r"([a-z0-9)])\. (?=[A-Z])", r"\1.\n", text)


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in ".'" else text


def item(name, text, details):
    body = [f".It Ic {roff(name)}"]
    text = text or ""
    if text:
        body.append(sentences(roff(text[0].upper() + text[1:] + ("" if text.endswith(".") else "."))))
    last = "; ".join(d for d in details if d) + "."
    body.append(roff(last[0].upper() + last[1:]))
    return "\n".join(body)


TYPES = {"TYPE_TEXT": "text", "TYPE_WORD": "a word", "TYPE_DNS_NAME": "a DNS name", "TYPE_LANGUAGE": "a language tag",
         "TYPE_PATH": "an absolute path", "TYPE_SECRET": "the path of a file", "TYPE_PATHS": 'a list of files such as {"/etc/loggia/board.pub"}', "TYPE_ADDRESS": "an IP address",
         "TYPE_NUMBER": "a number", "TYPE_DURATION": 'a time (30, "90s", "10m", "2h", "1d")',
         "TYPE_INTERFACES": "a list of interfaces", "TYPE_SERVICES": 'a list such as {"tcp/22"}',
         "TYPE_DOMAINS": 'a list such as {"comune.prato.it", "*.prato.it"}', "TYPE_NAMES": 'a list of names, or {"*"}',
         "TYPE_LANGUAGES": 'a list such as {"it", "en"}', "TYPE_COLOUR": 'a colour such as "#0066cc"'}


def number(expression):
    expression = expression.replace("DAY", "86400").replace("CONFIG_MAX_INTERFACES", "32").replace("BOARD_MAX_KEYS", "2")
    return eval(expression, {"__builtins__": {}}) if re.fullmatch(r"[\d *]+", expression) else None  # pylint: disable=eval-used


def loggia_conf():
    text = (ROOT / "lib/config_schema.c").read_text()
    paths = {"LOGGIA_LOCALSTATEDIR": "/var/lib/loggia", "LOGGIA_RUNDIR": "/run/loggia", "LOGGIA_DATADIR": "/usr/share/loggia"}
    levels = unquote(re.search(r"#define LEVELS\s+(.*)", text).group(1))
    sections = {}
    for place in re.findall(r"\[(PLACE_\w+)\]\s*=\s*\{NULL", text):
        sections[place] = (None, None)
    for place, name, said in re.findall(r'\[(PLACE_\w+)\]\s*=\s*\{"(\w+)",\s*"([^"]*)"', text):
        sections[place] = (name, said)
    titles = {"PLACE_ROOT": "General options", "PLACE_SERVER": "server NAME { … } in radius", "PLACE_ZONE": "zone NAME { … }"}
    places = {}
    for row in rows(text[text.index("config_options[]"):], r"\{(PLACE_\w+),"):
        place, name, kind, low, high, default, unit, said, *where = row
        choices = re.search(r"ONE_OF\([^,]+,\s*(.*)\)", where[0])
        shown = unquote(default)
        for macro, path in paths.items():
            if macro in default:
                shown = path + (shown or "")
        low, high = number(low), number(high)
        what = TYPES.get(kind)
        if choices:
            what = "one of " + ", ".join((unquote(choices.group(1)) or levels).split("|"))
        elif kind in ("TYPE_NUMBER", "TYPE_DURATION"):
            what += f" from {low} to {high}" + (f" {unquote(unit)}" if unquote(unit) else "")
        first = "required" if default == "REQUIRED" else f"default {shown}" if shown is not None else "not set by default"
        places.setdefault(place, []).append(item(unquote(name), unquote(said), [what, first]))
    out = []
    order = ["PLACE_ROOT", "PLACE_ZONE", "PLACE_GUEST", "PLACE_RADIUS", "PLACE_SERVER", "PLACE_TLS", "PLACE_PRIVACY", "PLACE_METRICS", "PLACE_BOARD"]
    for place in order:
        name, said = sections.get(place, (None, None))
        out += [f".Ss {roff(titles.get(place, f'{name} {{ … }}'))}"] + ([sentences(roff(said))] if said else [])
        out += [".Bl -tag -width Ds"] + places.pop(place) + [".El"]
    assert not places, places
    return "\n".join(out)


def board_conf():
    text = (ROOT / "noticeboard/conf_schema.c").read_text()
    paths = {"LOGGIA_LOCALSTATEDIR": "/var/lib/loggia", "LOGGIA_DATADIR": "/usr/share/loggia"}
    levels = unquote(re.search(r"#define LEVELS\s+(.*)", text).group(1))
    named = re.findall(r'\[BOARD_(PLACE_\w+)\]\s*=\s*\{"(\w+)",\s*"([^"]*)",\s*BOARD_(PLACE_\w+), (\w+)', text)
    sections = {"PLACE_ROOT": ("", None, None, "false"), **{place: rest for place, *rest in named}}
    places = {}
    for row in rows(text[text.index("board_options[]"):], r"\{BOARD_(PLACE_\w+),"):
        place, name, kind, low, high, default, unit, said, *where = row
        choices = re.search(r"ONE_OF\([^,]+,[^,]+,\s*(.*)\)", where[0])
        shown = unquote(default)
        for macro, path in paths.items():
            if macro in default:
                shown = path + (shown or "")
        low, high = number(low), number(high)
        what = TYPES.get(kind)
        if choices:
            what = "one of " + ", ".join((unquote(choices.group(1)) or levels).split("|"))
        elif kind in ("TYPE_NUMBER", "TYPE_DURATION"):
            what += f" from {low} to {high}" + (f" {unquote(unit)}" if unquote(unit) else "")
        first = "required" if default == "REQUIRED" else f"default {shown}" if shown is not None else "not set by default"
        places.setdefault(place, []).append(item(unquote(name), unquote(said), [what, first]))
    out = []
    for place, (name, said, parent, titled) in sections.items():
        inside = f" in {sections[parent][0]}" if parent and sections[parent][0] else ""
        label = f"{name}{' NAME' if titled == 'true' else ''} {{ … }}{inside}" if name else "General options"
        out += [f".Ss {roff(label)}"] + ([sentences(roff(said))] if said else [])
        out += [".Bl -tag -width Ds"] + places.pop(place) + [".El"]
    assert not places, places
    return "\n".join(out)


def rlm_loggia():
    text = (ROOT / "radius-module/settings_schema.c").read_text()
    groups = {}
    for row in rows(text[text.index("settings_schema[] = {"):], r"\n    (TEXT|NUMBER64|NUMBER|WORD)\("):
        macro, section, sub, name, *rest = row
        low = high = unit = words = None
        if macro == "TEXT":
            default, said = rest[1:3]
        elif macro == "NUMBER":
            low, high, default, unit, said = rest[1:6]
        elif macro == "NUMBER64":
            high, default, unit, said = rest[1:5]
            low = "0"
        else:
            words, default, said = rest[2:5]
        label = " ".join(filter(None, [unquote(section), unquote(sub)])) or "loggia"
        kind = f"{number(low)} to {number(high)} {unquote(unit) or ''}".strip() if low and number(high) else unquote(unit or "")
        choice = re.search(rf"#define {words}\s+(.*)", text) if words and words != "NULL" else None
        if words and words != "NULL":
            kind = "one of " + (unquote(choice.group(1)) if choice else unquote(words)).replace("|", ", ")
        shown = unquote(default)
        first = f"default {shown}" if shown is not None else "not set by default"
        groups.setdefault(label, []).append(item(unquote(name), unquote(said), [kind, first]))
    out = []
    for label, items in groups.items():
        out += [f".Ss {roff(label)} {{ … }}", ".Bl -tag -width Ds"] + items + [".El"]
    return "\n".join(out)


def main():
    behind = []
    for page, made in (("loggia.conf.5", loggia_conf()), ("rlm_loggia.5", rlm_loggia()), ("board.conf.5", board_conf())):
        path = MAN / page
        text = path.read_text()
        head, tail = text[:text.index(BEGIN) + len(BEGIN)], text[text.index(END):]
        fresh = f"{head}\n{made}\n{tail}"
        if fresh != text:
            behind.append(page)
            if "--check" not in sys.argv:
                path.write_text(fresh)
    if behind and "--check" in sys.argv:
        sys.exit(f"behind the schema: {', '.join(behind)}: run docs/man/options.py")


main()
