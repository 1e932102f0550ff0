"""The rules of the house, read from the sources: who may include whom, which library lives in which
room, and that nothing which faces a citizen ever runs a program."""

import re
import shutil
import subprocess

import pytest

from conftest import SOURCE

ROOMS = ["lib", "netfilter", "portal", "radius-module", "noticeboard"]

# A room may include its own headers and these rooms'.
MAY_INCLUDE = {"lib": set(), "netfilter": {"lib"}, "portal": {"lib"}, "radius-module": {"lib"},
               "noticeboard": {"lib"}}

# A third-party library's headers -> the files that may include them.
LIBRARY_ROOMS = {
    r"libnftnl/|libmnl/|linux/netfilter": r"netfilter/ruleset[a-z_]*\.[ch]",
    r"netlink/|linux/neighbour": r"netfilter/(neigh[a-z_]*|shape[_a-z]*)\.[ch]",
    r"linux/(pkt_|tc_act|gen_stats)": r"netfilter/shape[_a-z]*\.c",
    r"linux/rtnetlink|linux/fib_rules": r"netfilter/(neigh[a-z_]*|shape[_a-z]*|ruleset_guard)\.[ch]",
    r"cap-ng\.h|sys/capability": r"(netfilter/privileges|lib/unprivileged)\.c",
    r"seccomp\.h": r"lib/confine\.c",
    r"ldap\.h|lber\.h": r"lib/ldap_(dial|context)\.[ch]|radius-module/directory[a-z_]*\.[ch]|noticeboard/signin_ldap\.c",
    r"sqlite3\.h": r"noticeboard/store[a-z_]*\.[ch]",
    r"freeradius/|talloc\.h": r"radius-module/(rlm_loggia[a-z_]*\.[ch]|freeradius_min\.h)",
    r"microhttpd\.h": r"lib/http\.c",
    r"ev\.h$|event2?/": r"lib/loop\.c",
    r"gnutls/": r"lib/cert\.c",
    r"curl/": r"lib/fetch\.c",
    r"expat\.h": r"noticeboard/xml\.c",
    r"confuse\.h": r"lib/config\.c",
    r"cmark": r"lib/notice_render\.c",
    r"nettle/": r"lib/crypto[a-z_]*\.c",
    r"jansson\.h": r"portal/(control|loggiactl|doctor|api)[a-z_]*\.[ch]|noticeboard/out_json\.c",
    r"pthread\.h|threads\.h": r"radius-module/.*|noticeboard/signin_worker\.c|lib/ldap_context\.c",
}

# Starts a program or a shell, or copies the process.
RUNS_PROGRAMS = re.compile(
    r"\b(system|popen|fork|vfork|clone3?|exec[lv]p?e?|execvpe|execveat|fexecve|posix_spawnp?|wordexp)\s*\(")


def sources(*rooms):
    for room in rooms:
        yield from sorted((SOURCE / room).rglob("*.[ch]"))


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if m:
            yield number, m.group(1), m.group(2)


def without_comments_and_strings(text):
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', text)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_includes_only_what_it_may_know(room):
    wrong = []
    for path in sources(room):
        for number, quote, name in includes(path):
            owner = name.split("/")[0] if "/" in name else room
            if quote == '"' and owner in ROOMS and owner != room and owner not in MAY_INCLUDE[room]:
                wrong.append(f"{path.relative_to(SOURCE)}:{number}: {room}/ must not include {name}")
    assert not wrong, "\n".join(wrong)


def test_each_library_has_one_room():
    wrong = []
    for path in sources(*ROOMS):
        relative = str(path.relative_to(SOURCE))
        for number, quote, name in includes(path):
            for pattern, room in LIBRARY_ROOMS.items():
                if quote == "<" and re.match(pattern, name) and not re.fullmatch(room, relative):
                    wrong.append(f"{relative}:{number}: <{name}> belongs in {room}")
    assert not wrong, "\n".join(wrong)


def test_only_one_file_dials_a_directory():
    """A connection of libldap's own making has no bound in TLS and in names."""
    dials = re.compile(r"\b(ldap_(connect|initialize|init|open|create|start_tls_s|install_tls|init_fd))\s*\(")
    wrong = [str(path.relative_to(SOURCE)) for path in sources(*ROOMS)
             if path.name not in ("ldap_dial.c", "ldap_context.c") and dials.search(without_comments_and_strings(path.read_text()))]
    assert not wrong, f"lib/ldap_dial.c does that: {wrong}"


def test_nothing_that_faces_a_citizen_runs_a_program():
    wrong = []
    for path in sources("lib", "netfilter", "portal", "noticeboard"):
        code = without_comments_and_strings(path.read_text())
        wrong += [f"{path.relative_to(SOURCE)}:{number}: {line.strip()}"
                  for number, line in enumerate(code.splitlines(), 1) if RUNS_PROGRAMS.search(line)]
    assert not wrong, "\n".join(wrong)


def test_every_source_says_its_licence():
    wrong = [str(p.relative_to(SOURCE)) for p in sources(*ROOMS)
             if "SPDX-License-Identifier: GPL-2.0-or-later" not in p.read_text()[:200]]
    assert not wrong, wrong


# What builds leave in the tree (outside a checkout nothing else tells it from what is ours).
MADE = re.compile(
    r"(build|autom4te\.cache/|m4/|\.git/|conf/systemd/made/|loggia-\d|configure~?$|config\.[a-z.]+~?$|libtool$|aclocal\.m4$)"
    r"|(^|.*/)(__pycache__|\.libs|\.deps|\.pytest_cache)/|.*\.(l?o|la|mo|log|trs)$")


def project_files():
    """git's list; outside a checkout (a release tarball, a machine without git) what no build made."""
    if shutil.which("git"):
        listing = subprocess.run(["git", "-c", f"safe.directory={SOURCE}", "-C", str(SOURCE), "ls-files", "-co",
                                  "--exclude-standard"], capture_output=True, text=True, check=False)
        if listing.returncode == 0:
            return [SOURCE / line for line in listing.stdout.splitlines() if (SOURCE / line).is_file()]
    return sorted(p for p in SOURCE.rglob("*") if p.is_file() and not MADE.match(str(p.relative_to(SOURCE))))


def test_code_is_formatted():
    files = [str(p) for p in project_files() if p.suffix in (".c", ".h")]
    assert files
    r = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stderr[:4000]


def test_shell_scripts_are_sound():
    shebang = re.compile(rb"#!\s*(/usr)?/bin/(env )?(ba)?sh")
    scripts = [str(p) for p in project_files() if p.suffix == ".sh" or shebang.match(p.read_bytes()[:40])]
    assert scripts
    assert shutil.which("shellcheck"), "shellcheck is missing: apt-get install shellcheck"
    r = subprocess.run(["shellcheck", "--severity=style", *scripts], capture_output=True, text=True, check=False)
    assert r.returncode == 0, r.stdout[:4000]


def test_no_file_knows_where_its_builder_worked():
    wrong = []
    for path in project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        wrong += [f"{path.relative_to(SOURCE)}: {m}" for m in re.findall(r"/(?:home|work)/[a-z]+/[^\s\"']+", text)]
    assert not wrong, wrong
