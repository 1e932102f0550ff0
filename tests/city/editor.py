# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody who edits notices, in a browser without a screen (cookies, forms), so that each test reads as what an
editor does. The board that is given has connect(), an HTTPConnection, and passwords, by name."""

import html.parser
import re
import urllib.parse


class Forms(html.parser.HTMLParser):
    """The forms of a page: action, and each field's value as a browser would send it."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.area, self.select, self.text = [], None, None, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "method": a.get("method", "get"), "fields": {}})
        elif self.forms and tag == "input" and a.get("name"):
            if a.get("type") not in ("checkbox", "radio") or "checked" in a:
                self.forms[-1]["fields"][a["name"]] = a.get("value", "")
        elif self.forms and tag == "textarea":
            self.area = a["name"]
            self.forms[-1]["fields"][self.area] = ""
        elif self.forms and tag == "select":
            self.select = a["name"]
        elif self.select and tag == "option":
            if self.select not in self.forms[-1]["fields"] or "selected" in a:
                self.forms[-1]["fields"][self.select] = a.get("value", "")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = None
        elif tag == "select":
            self.select = None

    def handle_data(self, data):
        self.text.append(data)
        if self.area:
            before = self.forms[-1]["fields"][self.area]
            self.forms[-1]["fields"][self.area] = (before + data).removeprefix("\n")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        self.body, self.text = body, body.decode(errors="replace")
        self.location = headers.get("Location", "")
        parsed = Forms(self.text)
        self.forms = parsed.forms
        self.words = re.sub(r"\s+", " ", " ".join(parsed.text))

    def form(self, action):
        return next(f for f in self.forms if f["action"] == action or f["action"].endswith(action))


class Editor:
    """A browser: cookies, forms, redirects that one asks for."""

    def __init__(self, board):
        self.board, self.cookies, self.page = board, {}, None

    def request(self, method, path, body=None, headers=None):
        connection = self.board.connect()
        head = {"Accept-Language": "en", **(headers or {})}
        if self.cookies:
            head["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if isinstance(body, dict):
            body = urllib.parse.urlencode(body)
        if body is not None:
            head.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(method, path, body, head)
        r = connection.getresponse()
        answer = Answer(r.status, dict(r.headers), r.read())
        for value in r.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.split(";")[0]
            if "Max-Age=0" in value:
                del self.cookies[name]
        connection.close()
        self.page = answer
        return answer

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, fields, **kw):
        return self.request("POST", path, fields, **kw)

    def submit(self, action, follow=True, **fields):
        """The form of the page that is open, with these fields changed (None: left out)."""
        form = self.page.form(action)
        values = {**form["fields"], **{k.replace("__", "."): v for k, v in fields.items()}}
        answer = self.post(form["action"], {k: v for k, v in values.items() if v is not None})
        if follow and answer.status == 303:
            return self.get(answer.location)
        return answer

    def sign_in(self, name, password=None, administration="comune"):
        self.get("/sign-in")
        answer = self.submit("/sign-in", name=name, password=password or self.board.passwords[name], administration=administration)
        return answer

    def write(self, **fields):
        """A notice as typed; the page behind it. The end is in a week by itself."""
        self.get("/new")
        return self.submit("/new", then="look", **{"title__it": "Mercato spostato", "text__it": "Da lunedì in piazza.",
                                                    "zone__duomo": "1", **fields})
