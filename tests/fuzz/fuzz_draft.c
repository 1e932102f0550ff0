/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an editor's browser sends, to the notice file that routers would read: whatever comes in,
 * what goes out has the zones and languages that the form had, and lib/notice reads it. */
#include "lib/buf.h"
#include "lib/card.h"
#include "noticeboard/draft.h"

#include <stdlib.h>
#include <string.h>

static const char conf_text[] =
    "url = \"https://b.example\"\nlanguages = {\"it\", \"en\"}\nzone \"duomo\" { }\nzone "
    "\"fontana\" { }\n"
    "administration \"c\" { name = \"C\" publisher \"c\" { name = \"C\" zones = {\"duomo\"} } }\n";

static void ignore(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look(const struct draft *d, const struct board_conf *c)
{
    struct draft_place place = {
        .conf = c, .administration = &c->administrations[0], .now = 1780000000};
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    size_t n = draft_check(d, &place, f);
    draft_url links[4];
    if (draft_links(d, links, 4) > 4)
        abort();
    char err[200];
    struct buf b;

    buf_init(&b, 1 << 16);
    bool whole = draft_write(d, &place, 0, place.now + 3600, &b, err, sizeof err);
    if (!draft_has_errors(f, n)) {
        struct notice *notice = whole ? notice_parse("x", b.data, b.len, err, sizeof err) : NULL;
        if (!notice || strcmp(notice->publisher, "C") != 0)
            abort(); /* no errors, and yet no notice */
        for (char **z = notice->zones; *z; z++)
            if (strcmp(*z, "duomo") != 0)
                abort(); /* a zone that its publisher may not use */
        struct draft *again = draft_from_notice(notice, "c");
        draft_free(again);
        notice_free(notice);
    }
    buf_free(&b);
}

/* The same form as a card's. */
static void look_card(const struct draft *d, const struct board_conf *c)
{
    struct draft_place place = {
        .conf = c, .administration = &c->administrations[0], .is_card = true, .now = 1780000000};
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    size_t n = draft_check(d, &place, f);
    struct service *card = NULL;
    char err[200];
    struct buf b;

    buf_init(&b, 1 << 16);
    if (draft_write(d, &place, 0, 0, &b, err, sizeof err))
        card = service_parse("x", b.data, b.len, err, sizeof err);
    if (!draft_has_errors(f, n) && (!card || card->order != draft_order(d)))
        abort(); /* no errors, and yet no card */
    for (char **z = card && !draft_has_errors(f, n) ? card->card.zones : NULL; z && *z; z++)
        if (strcmp(*z, "duomo") != 0)
            abort();
    service_free(card);
    buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct board_conf *c;
    struct buf form;

    if (!c)
        c = board_conf_parse("fuzz", conf_text, sizeof conf_text - 1, 0, ignore, NULL);
    if (!c)
        abort();
    struct draft *d = draft_new((const char *)data, len);
    if (!d)
        return 0;
    look(d, c);
    look_card(d, c);
    /* What is kept is what was typed. */
    buf_init(&form, DRAFT_MAX_BYTES * 3 + 1000);
    draft_form(d, &form);
    struct draft *back =
        form.data && form.len <= DRAFT_MAX_BYTES ? draft_new(form.data, form.len) : NULL;
    if (back && strcmp(draft_title(back, c), draft_title(d, c)) != 0)
        abort();
    draft_free(back);
    buf_free(&form);
    draft_free(d);
    return 0;
}
