/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services and publishers on top of the notices' reader: their own tables of fields, nothing more.
 */
#include "lib/card.h"
#include "lib/buf.h"
#include "lib/logo.h"
#include "lib/notice_parse.h"
#include "lib/utc.h"
#include "lib/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const service_icons[] = {"info",  "library", "office", "payment", "transport", "data",
                                     "help",  "health",  "school", "culture", "phone",     "map",
                                     "waste", "water",   "sport",  "work",    NULL};

struct row {
    const char *name;
    bool (*set)(struct notice *n, char *value, struct notice_fault *fault);
    bool required;
};

/* The field called name of table, once. */
static bool set_row(const struct row *table, size_t rows, const char *names, struct notice *n,
                    unsigned *seen, const char *name, char *value, struct notice_fault *fault)
{
    for (size_t i = 0; i < rows; i++) {
        if (strcmp(name, table[i].name) != 0)
            continue;
        if (*seen & 1U << i)
            return notice_fault_words(fault, "each field once", "a second \"%s\"", name);
        *seen |= 1U << i;
        if (*value == '\0')
            return notice_fault_words(fault, "a value", "\"%s:\" with nothing behind", name);
        return table[i].set(n, value, fault);
    }
    return notice_fault_quote(fault, name, names);
}

static bool check_rows(const struct row *table, size_t rows, const char *expected, unsigned seen,
                       struct notice_fault *fault)
{
    for (size_t i = 0; i < rows; i++)
        if (table[i].required && !(seen & 1U << i))
            return notice_fault_words(fault, expected, "the end of the header");
    return true;
}

/* --- services --------------------------------------------------------------------------------- */
static struct service *of_card(struct notice *n)
{
    return (struct service *)((char *)n - offsetof(struct service, card));
}

static bool set_icon(struct notice *n, char *value, struct notice_fault *fault)
{
    for (const char *const *name = service_icons; *name; name++)
        if (strcmp(*name, value) == 0) {
            of_card(n)->icon = *name;
            return true;
        }
    return notice_fault_quote(fault, value,
                              "info, library, office, payment, transport, data, help, health, "
                              "school, culture, phone, map, waste, water, sport or work");
}

static bool set_order(struct notice *n, char *value, struct notice_fault *fault)
{
    uint64_t order;
    if (!utc_read_number(value, SERVICE_MAX_ORDER, &order))
        return notice_fault_quote(fault, value, "a number from 0 to 9999");
    of_card(n)->order = (unsigned)order;
    return true;
}

static const struct row service_rows[] = {
    {"zones", notice_set_zones, true},
    {"link", notice_set_link, true},
    {"icon", set_icon, false},
    {"order", set_order, false},
    {"publisher", notice_set_publisher, false},
};
enum { SERVICE_ROWS = sizeof service_rows / sizeof *service_rows };

static bool service_set(struct notice *n, unsigned *seen, const char *name, char *value,
                        struct notice_fault *fault)
{
    return set_row(service_rows, SERVICE_ROWS, "zones, link, icon, order or publisher", n, seen,
                   name, value, fault);
}

static bool service_check(const struct notice *n, unsigned seen, struct notice_fault *fault)
{
    (void)n;
    return check_rows(service_rows, SERVICE_ROWS, "\"zones: \" and \"link: \" in it", seen, fault);
}

/* The text of each language is one line. */
static bool lines_ok(struct notice *n, char *err, size_t err_len)
{
    for (size_t i = 0; i < n->n_texts; i++) {
        char *line = n->texts[i].markdown, *begin = line + strspn(line, " \t\n");
        size_t len = strlen(begin);
        while (len && strchr(" \t\n", begin[len - 1]))
            len--;
        begin[len] = '\0';
        if (strchr(begin, '\n') || utf8_count(begin) > SERVICE_MAX_LINE) {
            snprintf(err, err_len,
                     "line 1: found a longer text in \"--- %s\", expected one line of at most %d "
                     "characters",
                     n->texts[i].lang, SERVICE_MAX_LINE);
            return false;
        }
        memmove(line, begin, len + 1);
    }
    return true;
}

struct service *service_parse(const char *id, const char *data, size_t len, char *err,
                              size_t err_len)
{
    static const struct notice_grammar grammar = {NOTICE_MAX_BYTES, service_set, service_check,
                                                  true};
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    s->icon = service_icons[0];
    s->order = 100;
    s->card.until = INT64_MAX;
    if (notice_read(&grammar, &s->card, id, data, len, err, err_len) &&
        lines_ok(&s->card, err, err_len))
        return s;
    service_free(s);
    return NULL;
}

void service_free(struct service *s)
{
    if (s)
        notice_clear(&s->card);
    free(s);
}

static bool before(const struct service *a, const struct service *b)
{
    return a->order != b->order ? a->order < b->order : strcmp(a->card.id, b->card.id) < 0;
}

size_t service_select(struct service *const *all, size_t n, const char *zone,
                      const struct service **out, size_t max)
{
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) {
        if (!notice_in_zone(&all[i]->card, zone) ||
            (shown == max && (max == 0 || !before(all[i], out[shown - 1]))))
            continue;
        size_t at = shown < max ? shown++ : shown - 1;
        for (; at > 0 && before(all[i], out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = all[i];
    }
    return shown;
}

/* --- publishers ------------------------------------------------------------------------------- */
struct reading {
    struct notice n; /* what the reader fills: the name in publisher */
    uint32_t colour;
    bool has_colour;
    char *logo, *logo_alt;
};

static struct reading *of_reading(struct notice *n)
{
    return (struct reading *)((char *)n - offsetof(struct reading, n));
}

static bool set_colour(struct notice *n, char *value, struct notice_fault *fault)
{
    struct reading *r = of_reading(n);
    r->has_colour = card_colour_parse(value, &r->colour);
    return r->has_colour || notice_fault_quote(fault, value, "a colour such as #0066cc");
}

static bool set_logo(struct notice *n, char *value, struct notice_fault *fault)
{
    if (!logo_name_ok(value, NULL))
        return notice_fault_quote(fault, value, "32 hexadecimal digits and .png, .jpg or .webp");
    of_reading(n)->logo = strdup(value);
    return of_reading(n)->logo || notice_fault_words(fault, "memory", "none");
}

static bool set_logo_alt(struct notice *n, char *value, struct notice_fault *fault)
{
    if (utf8_count(value) > PUBLISHER_MAX_ALT)
        return notice_fault_quote(fault, value, "at most 160 characters");
    of_reading(n)->logo_alt = strdup(value);
    return of_reading(n)->logo_alt || notice_fault_words(fault, "memory", "none");
}

static const struct row publisher_rows[] = {
    {"name", notice_set_publisher, true},
    {"colour", set_colour, false},
    {"logo", set_logo, false},
    {"logo_alt", set_logo_alt, false},
};
enum { PUBLISHER_ROWS = sizeof publisher_rows / sizeof *publisher_rows };

static bool publisher_set(struct notice *n, unsigned *seen, const char *name, char *value,
                          struct notice_fault *fault)
{
    return set_row(publisher_rows, PUBLISHER_ROWS, "name, colour, logo or logo_alt", n, seen, name,
                   value, fault);
}

static bool publisher_check(const struct notice *n, unsigned seen, struct notice_fault *fault)
{
    (void)n;
    return check_rows(publisher_rows, PUBLISHER_ROWS, "\"name: NAME\" in it", seen, fault);
}

struct publisher *publisher_parse(const char *id, const char *data, size_t len, char *err,
                                  size_t err_len)
{
    static const struct notice_grammar grammar = {PUBLISHER_MAX_BYTES, publisher_set,
                                                  publisher_check, false};
    struct reading r = {0};
    struct publisher *p = calloc(1, sizeof *p);
    if (!p)
        snprintf(err, err_len, "out of memory");
    if (p && notice_read(&grammar, &r.n, id, data, len, err, err_len)) {
        *p = (struct publisher){.id = r.n.id,
                                .name = r.n.publisher,
                                .colour = r.colour,
                                .has_colour = r.has_colour,
                                .logo = r.logo,
                                .logo_alt = r.logo_alt};
        r.n.id = r.n.publisher = r.logo = r.logo_alt = NULL;
    } else {
        free(p);
        p = NULL;
    }
    notice_clear(&r.n);
    free(r.logo);
    free(r.logo_alt);
    return p;
}

void publisher_free(struct publisher *p)
{
    if (!p)
        return;
    free(p->id);
    free(p->name);
    free(p->logo);
    free(p->logo_alt);
    free(p);
}

/* --- writing ---------------------------------------------------------------------------------- */
/* One line: line ends in value are blanks. */
static void field(struct buf *b, const char *head, const char *value)
{
    buf_str(b, head);
    for (const char *c = value; *c; c++)
        buf_add(b, *c == '\n' || *c == '\r' ? " " : c, 1);
    buf_str(b, "\n");
}

void publisher_write(struct buf *b, const struct publisher *p)
{
    field(b, "name: ", p->name);
    if (p->has_colour)
        buf_fmt(b, "colour: #%06x\n", (unsigned)p->colour);
    if (p->logo)
        field(b, "logo: ", p->logo);
    if (p->logo_alt)
        field(b, "logo_alt: ", p->logo_alt);
}

void service_write(struct buf *b, const struct service *s)
{
    const struct notice *n = &s->card;
    buf_str(b, "zones: ");
    for (char **z = n->zones; *z; z++)
        buf_fmt(b, "%s%s", z == n->zones ? "" : ", ", *z);
    field(b, "\nlink: ", n->link);
    buf_fmt(b, "icon: %s\norder: %u\n", s->icon, s->order);
    if (n->publisher)
        field(b, "publisher: ", n->publisher);
    for (size_t i = 0; i < n->n_texts; i++) {
        const char *line = n->texts[i].markdown ? n->texts[i].markdown : "";
        buf_fmt(b, "--- %s\n", n->texts[i].lang);
        field(b, "# ", n->texts[i].title);
        field(b, strncmp(line, "---", 3) == 0 ? "\\" : "", line);
    }
}

/* --- colours ---------------------------------------------------------------------------------- */
bool card_colour_parse(const char *text, uint32_t *out)
{
    char *end;
    if (text[0] != '#' || strlen(text) != 7 || strspn(text + 1, "0123456789abcdefABCDEF") != 6)
        return false;
    *out = (uint32_t)strtoul(text + 1, &end, 16);
    return true;
}

/* x^2.4 for 0 … 1 without libm: x^2 * x^0.4, and x^0.4 is the root of y^5 = x^2 (Newton). */
static double power24(double x)
{
    double y = 1, target = x * x;
    for (int i = 0; i < 40; i++)
        y -= (y * y * y * y * y - target) / (5 * y * y * y * y);
    return x * x * y;
}

/* Relative luminance, as WCAG 2.1 defines it. */
static double luminance(uint32_t colour)
{
    static const double weights[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double c = (double)(colour >> (16 - 8 * i) & 0xFF) / 255;
        sum += weights[i] * (c <= 0.04045 ? c / 12.92 : power24((c + 0.055) / 1.055));
    }
    return sum;
}

unsigned card_contrast(uint32_t a, uint32_t b)
{
    double la = luminance(a), lb = luminance(b);
    double most = la > lb ? la : lb, least = la > lb ? lb : la;
    return (unsigned)((most + 0.05) / (least + 0.05) * 100 + 1e-6);
}

uint32_t card_ink(uint32_t colour)
{
    return card_contrast(colour, 0xFFFFFF) >= card_contrast(colour, 0) ? 0xFFFFFF : 0;
}
