"""Reads a page of the portal as a browser does: forms, headings, links, text."""

import dataclasses
import html.parser
import urllib.parse


@dataclasses.dataclass
class Form:
    action: str
    method: str
    fields: list  # (name, value) as they would be sent
    buttons: list = dataclasses.field(default_factory=list)  # their words

    def encoded(self, **changed):
        return urllib.parse.urlencode({**dict(self.fields), **changed})


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.lang, self.title, self.text = None, "", ""
        self.forms, self.headings, self.links, self.tags = [], [], [], []
        self._inside, self._form = [], None
        self.feed(text)
        self.text = " ".join(self.text.split())

    VOID = {"input", "meta", "link", "br", "hr", "img"}

    def handle_starttag(self, tag, attrs):
        attrs = {k: v or "" for k, v in attrs}
        self.tags.append((tag, attrs))
        if tag not in self.VOID:
            self._inside.append(tag)
        if tag == "html":
            self.lang = attrs.get("lang")
        elif tag == "a" and "href" in attrs:
            self.links.append(attrs["href"])
        elif tag == "form":
            self._form = Form(attrs.get("action", ""), attrs.get("method", "get").upper(), [])
            self.forms.append(self._form)
        elif tag in ("input", "button") and self._form:
            if attrs.get("name"):
                self._form.fields.append((attrs["name"], attrs.get("value", "on" if attrs.get("type") == "checkbox" else "")))
            if tag == "button":
                self._form.buttons.append("")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append("")

    def handle_endtag(self, tag):
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass
        if tag == "form":
            self._form = None

    def handle_data(self, data):
        if "style" in self._inside:
            return
        if "title" in self._inside:
            self.title += data
            return
        self.text += data + " "
        if {"h1", "h2", "h3"} & set(self._inside):
            self.headings[-1] += data
        if "button" in self._inside and self._form and self._form.buttons:
            self._form.buttons[-1] += data

    def form(self, path):
        """The form that goes to this path, or None."""
        for form in self.forms:
            if urllib.parse.urlsplit(form.action).path == path:
                return form
        return None
