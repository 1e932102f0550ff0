"""The whole test city put together: internet, centre, access routers, phones."""

import datetime
import itertools
import re
import secrets

from city.internet import Internet
from city.netns import World
from city.phone import Phone
from city.router import SOURCE, Router

ZONES = (("piazza-duomo", "Piazza del Duomo"), ("piazza-san-marco", "Piazza San Marco"))
SMALL_COMUNE = ("cantagallo", "Cantagallo, Piazza del Comune")  # has one router, and no centre


WRITTEN = datetime.date(2026, 11, 1)  # when the samples' days were true


def current_notices(world, source=SOURCE / "conf" / "notices"):
    """The sample notices with all their days moved, as if they had been written today: what was over
    is over, what lies ahead lies ahead, whenever the tests are run."""
    directory = world.dir / "notices"
    directory.mkdir()
    gone = datetime.date.today() - WRITTEN

    def moved(m):
        return f"{m[1]}{datetime.date.fromisoformat(m[2]) + gone}"
    for path in sorted(source.glob("*.md")):
        head, mark, texts = path.read_text().partition("\n---")
        head = re.sub(r"^((?:from|until): *)(\d{4}-\d\d-\d\d)", moved, head, flags=re.M)
        (directory / path.name).write_text(head + mark + texts)
    return directory


def titles(directory, zone, lang="it"):
    """(titles of the notices that this zone shows today, titles of those that it does not)."""
    shown, hidden, today = set(), set(), str(datetime.date.today())
    for path in directory.glob("*.md"):
        head, *texts = re.split(r"^--- *(?=\S)", path.read_text(), flags=re.M)
        fields = dict(re.findall(r"^(\w+): *(.*?) *$", head, re.M))
        zones = fields["zones"].replace(",", " ").split()
        by_lang = {t.split("\n", 1)[0].strip(): re.search(r"^# *(.+?) *$", t, re.M)[1] for t in texts}
        title = by_lang.get(lang) or next(iter(by_lang.values()))
        here = "*" in zones or zone in zones
        current = fields.get("from", "")[:10] <= today <= fields["until"][:10]
        (shown if here and current else hidden).add(title)
    return shown, hidden


class Town:
    """With Town(routers=2) as town: … ; all of it ends with the block, whatever happens in it.

    tls: the routers have secure pages and the API. alone: one more router, which decides by itself.
    board: the city has a noticeboard, which its routers ask. options: the centre's."""

    def __init__(self, routers=1, centre=True, people=2000, keep=False, tls=False, alone=False, board=False,
                 options=()):
        self.world = World(keep)
        self._names = itertools.count(1)
        self.routers, self.phones, self.centre, self.alone, self.board = [], [], None, None, None
        self.tls = tls
        try:
            self._build(routers, centre, people, board, options)
            if alone:
                self.alone = self._router(routers, SMALL_COMUNE, None)
        except BaseException:
            self.world.close()
            raise

    def _build(self, routers, centre, people, board, options):
        self.internet = Internet(self.world)
        self.notices = current_notices(self.world)
        self.secret = secrets.token_hex(16)
        radius = None
        if centre:
            from city.centre import Centre
            space = self.world.namespace("centre")
            address = self.internet.attach(space)[0]
            clients = [self.internet.reserve(f"router{n}")[0] for n in range(routers)]
            self.centre = Centre(self.world, space, address, secret=self.secret, clients=clients, people=people,
                                 options=options)
            self.centre.start()
            radius = (address, self.secret)
            if board:
                from city.noticeboard import Noticeboard
                self.board = Noticeboard(self.world, space, address, self.centre.comune, ZONES,
                                         self.internet.ca).start()
        for n in range(routers):
            self.routers.append(self._router(n, ZONES[n % len(ZONES)], radius))

    def _router(self, number, zone, radius):
        router = Router(self.internet, f"router{number}", number, zone, radius, self.notices, tls=self.tls)
        if radius and self.board:
            router.extra_conf = self.board.section()
        return router.start()

    @property
    def router(self):
        return self.routers[0]

    def phone(self, name=None, **kw):
        phone = Phone(self.internet, name or f"phone{next(self._names)}", **kw)
        self.phones.append(phone)
        return phone

    def newcomer(self, router=None, **kw):
        """A phone that nobody knows, on the router's square."""
        phone = self.phone(**kw)
        phone.join(router or self.router)
        return phone

    def logs(self):
        """What a person needs who wants to know why a step failed."""
        return "\n".join(r.logs() for r in (*self.routers, *filter(None, [self.alone])))

    def close(self):
        self.world.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
