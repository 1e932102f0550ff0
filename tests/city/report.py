"""The page that ./demo leaves behind: the story as a timeline, what phones showed (by a real Chromium in a
phone's place), what the routers said of themselves, and what the centre's database holds. One file, which
needs nothing else and calls nobody."""

import base64
import concurrent.futures
import datetime
import html
import http.server
import pathlib
import threading

from city import browser
from city.router import BUILD, PORTAL_NAME
from city.steps import STEPS
from city.town import ZONES

FILE = BUILD / "demo" / "report.html"

STYLE = """
:root{color-scheme:light dark;--bg:#f2f5f9;--card:#fff;--ink:#17324d;--soft:#4a6078;--line:#d5dee8;--band:#06c;--good:#00704a;--bad:#b3002d}
@media(prefers-color-scheme:dark){:root{--bg:#0c1722;--card:#142434;--ink:#e9eff6;--soft:#aebdcd;--line:#30465c;--band:#4da3ff;--good:#5fd6a8;--bad:#ff9fb0}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,'Noto Sans',sans-serif}
main{max-width:76rem;margin:auto;padding:1.5rem 1rem 4rem}h1{font-size:2rem;line-height:1.2;margin:0}h2{margin:2.5rem 0 .75rem}
h3{margin:1.25rem 0 .5rem;font-size:1.05rem}.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;overflow-x:auto}
.step{display:grid;grid-template-columns:7rem 5.5rem minmax(0,1fr);gap:.15rem 1rem;padding:.7rem 0;border-top:1px solid var(--line)}
.step:first-child{border:0}.step b{font-size:1.05rem}.ms{text-align:right;font-variant-numeric:tabular-nums}
.track{grid-column:3;height:.5rem;background:var(--bg);border-radius:.25rem;position:relative}
.track i{position:absolute;top:0;bottom:0;min-width:3px;background:var(--band);border-radius:.25rem}.FAIL .track i{background:var(--bad)}
.words{grid-column:3}.figures{grid-column:3;font-size:.875rem;color:var(--soft);font-variant-numeric:tabular-nums}
.shots{display:flex;flex-wrap:wrap;gap:1.5rem}figure{margin:0;width:240px}figure img{width:240px;height:auto;border:1px solid var(--line);border-radius:1rem;display:block}
figcaption{font-size:.9rem;margin-top:.4rem}pre{margin:0;font-size:.8125rem;line-height:1.45}figure pre{white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;font-size:.8125rem;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-top:1px solid var(--line);white-space:nowrap}th{color:var(--soft);border:0}
@media(max-width:40rem){.step{grid-template-columns:1fr auto}.step>*{grid-column:1/-1}.step b{grid-column:1}.ms{grid-column:2;grid-row:1}}
"""

# What the database tells: whoever the rows are about is a keyed hash in it.
QUERIES = {
    "radacct": ("Accounting", """SELECT acctsessionid AS session, nasidentifier AS router, zone, callingstationid AS device,
        profile, acctstarttime AS started, acctstoptime AS stopped, acctterminatecause AS cause, acctsessiontime AS seconds,
        acctinputoctets AS up_bytes, acctoutputoctets AS down_bytes FROM radacct ORDER BY rowid"""),
    "passes": ("Passes", """SELECT device, datetime(granted, 'unixepoch') AS granted, datetime(expires, 'unixepoch') AS expires,
        CASE WHEN paused THEN 'yes' ELSE '' END AS paused, terms FROM passes ORDER BY granted"""),
}


def text(value):
    return html.escape("" if value is None else str(value))


# --- what phones show --------------------------------------------------------------------------
def scenes(story):
    """(caption, phone, path, dark) of each photograph that this run has something for."""
    town, people = story.town, story.people
    camera = town.newcomer(name="camera")
    square = ZONES[0][1]
    yield f"The splash page on {square}", camera, "/?lang=it", False
    yield "The same by night", camera, "/?lang=it", True
    yield "… for a guest from abroad", camera, "/?lang=en", False
    yield "… and in Chinese", camera, "/?lang=zh-hans", False
    for who, caption in (("suspended", "Suspended by the Provincia, on the Comune's square"),
                         ("card-holder", "A card-holder of the Comune, online without a tap"),
                         ("visitor", f"The visitor of the first step, walked on to {ZONES[1][1]}"),
                         ("of-a-small-comune", "In a small comune, after the power cut")):
        if who in people and people[who].router:
            yield caption, people[who], "/?lang=it", False


def photograph(story):
    """[(caption, PNG or None, why there is none)]"""
    def shoot(number, caption, phone, path, dark):
        out = story.town.world.dir / f"shot-{number}.png"
        try:
            return caption, browser.screenshot(phone, f"https://{PORTAL_NAME}{path}", out, dark=dark).read_bytes(), ""
        except Exception as e:  # a report without this picture is still a report
            return caption, None, str(e)
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        return [f.result() for f in [both.submit(shoot, n, *scene) for n, scene in enumerate(scenes(story))]]


# --- the page ------------------------------------------------------------------------------------
def timeline(results):
    end = max((r["at_ms"] + r["ms"] for r in results), default=1)
    for row in results:
        good = "ok" if row["ok"] else "FAIL"
        left, width = 100 * row["at_ms"] / end, 100 * row["ms"] / end
        figures = ", ".join(f"{k}={v}" for k, v in row.items() if k not in ("name", "ok", "ms", "at_ms", "says", "error"))
        about = (STEPS[row["name"]][0].__doc__ or "").split("\n\n")[0].replace("\n    ", " ")
        yield (f'<div class="step {good}"><b class="{"good" if row["ok"] else "bad"}">{text(row["name"])}</b>'
               f'<span class="ms">{row["ms"]:,} ms</span><div class="words"><strong>{text(about)}</strong><br>'
               f'{text(row["says"])}</div>'
               f'<div class="track"><i style="left:{left:.2f}%;width:{width:.2f}%"></i></div>'
               f'<div class="figures">{text(figures)}</div></div>')


def pictures(shots):
    for caption, png, trouble in shots:
        if png:
            source = base64.b64encode(png).decode()
            yield (f'<figure><img alt="{text(caption)}" width="{browser.SCREEN[0]}" height="{browser.SCREEN[1]}" '
                   f'src="data:image/png;base64,{source}"><figcaption>{text(caption)}</figcaption></figure>')
        else:
            yield f'<figure><pre>{text(trouble)}</pre><figcaption>{text(caption)}</figcaption></figure>'


def routers(town):
    for router in (*town.routers, *filter(None, [town.alone])):
        yield f"<h2>What {text(router.name)} says of itself: {text(router.zone[1])}</h2>"
        for command in ("status", "clients", "doctor"):
            said = router.ctl(command, check=False)
            yield f'<h3>loggiactl {command}</h3><div class="card"><pre>{text(said)}</pre></div>'


def table(rows):
    if not rows:
        return "<p>No rows.</p>"
    head = "".join(f"<th>{text(k)}" for k in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{text(v)}" for v in row.values()) for row in rows)
    return f'<div class="card"><table><tr>{head}{body}</table></div>'


def database(town):
    yield "<h2>What the centre's database holds</h2><p class=soft>Devices are keyed hashes in it: no MAC address, no name.</p>"
    for name, (title, query) in QUERIES.items():
        yield f"<h3>{title} ({name})</h3>{table(town.centre.sql(query))}"


def page(story, results, built_ms):
    town, good = story.town, sum(r["ok"] for r in results)
    when = datetime.datetime.now().astimezone().strftime("%d %B %Y, %H:%M:%S %Z")
    total = sum(r["ms"] for r in results) / 1000
    parts = [f"<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
             f"<title>Loggia: a city's Wi-Fi, {good} of {len(results)} steps true</title><link rel=icon href='data:,'>"
             f"<style>{STYLE}</style><main><h1>A city's Wi-Fi, without a password</h1>"
             f"<p class=soft>{text(when)}. Real daemons in network namespaces; the city was built in {built_ms} ms. "
             f"<strong class={'good' if good == len(results) else 'bad'}>{good} of {len(results)} steps true</strong>, "
             f"in {total:.0f} s.</p><h2>The story</h2><div class=card>", *timeline(results), "</div>",
             f"<h2>What phones show</h2><p class=soft>Chromium at {browser.SCREEN[0]} × {browser.SCREEN[1]}, in the phone's "
             "place on the network, trusting the city's authority.</p><div class=shots>", *pictures(photograph(story)), "</div>",
             *routers(town), *database(town), "</main></html>"]
    return "\n".join(parts)


def write(story, results, built_ms, file=FILE):
    file = pathlib.Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(story, results, built_ms))
    return file


class Shelf(http.server.ThreadingHTTPServer):
    """Serves the report on this machine's loopback until close(); .url is what to type into the browser."""
    daemon_threads = True

    def __init__(self, file=FILE):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = file.read_bytes()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, form, *args):
                pass
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self.shutdown()
        self.server_close()
