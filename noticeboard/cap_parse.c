/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CAP's elements as rows: a path, how its text is read, where it goes. An unknown word where the
 * standard has a list is an error for the status, the type and the scope, because on those depends
 * whether citizens may see the alert at all; elsewhere it is "Unknown". */
#include "noticeboard/cap_parse.h"
#include "lib/buf.h"
#include "noticeboard/feed_date.h"
#include "noticeboard/feed_parse.h"
#include "noticeboard/html_text.h"
#include "noticeboard/xml.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERT "cap:alert"
#define INFO  ALERT "/cap:info"
#define AREA  INFO "/cap:area"

static const char *const statuses[] = {"Actual", "Exercise", "System", "Test", "Draft", NULL};
static const char *const msg_types[] = {"Alert", "Update", "Cancel", "Ack", "Error", NULL};
static const char *const scopes[] = {"Public", "Restricted", "Private", NULL};
static const char *const urgencies[] = {"Immediate", "Expected", "Future", "Past", "Unknown", NULL};
static const char *const severities[] = {"Extreme", "Severe", "Moderate", "Minor", "Unknown", NULL};
static const char *const certainties[] = {"Observed", "Likely",  "Possible",
                                          "Unlikely", "Unknown", NULL};

enum kind { LINE, TEXT, WORD, STRICT_WORD, DATE };

struct row {
    const char *path;
    enum kind kind;
    bool of_info;
    size_t offset;
    const char *const *words;
};

#define OF_ALERT(name, kind, field, words)                                                         \
    {                                                                                              \
        ALERT "/cap:" name, kind, false, offsetof(struct cap_alert, field), words                  \
    }
#define OF_INFO(name, kind, field, words)                                                          \
    {                                                                                              \
        INFO "/cap:" name, kind, true, offsetof(struct cap_info, field), words                     \
    }

static const struct row rows[] = {
    OF_ALERT("identifier", LINE, identifier, NULL),
    OF_ALERT("sender", LINE, sender, NULL),
    OF_ALERT("sent", DATE, sent, NULL),
    OF_ALERT("source", LINE, source, NULL),
    OF_ALERT("status", STRICT_WORD, status, statuses),
    OF_ALERT("msgType", STRICT_WORD, msg_type, msg_types),
    OF_ALERT("scope", STRICT_WORD, scope, scopes),
    OF_INFO("event", LINE, event, NULL),
    OF_INFO("headline", LINE, headline, NULL),
    OF_INFO("description", TEXT, description, NULL),
    OF_INFO("instruction", TEXT, instruction, NULL),
    OF_INFO("web", LINE, web, NULL),
    OF_INFO("contact", LINE, contact, NULL),
    OF_INFO("senderName", LINE, sender_name, NULL),
    OF_INFO("urgency", WORD, urgency, urgencies),
    OF_INFO("severity", WORD, severity, severities),
    OF_INFO("certainty", WORD, certainty, certainties),
    OF_INFO("effective", DATE, effective, NULL),
    OF_INFO("onset", DATE, onset, NULL),
    OF_INFO("expires", DATE, expires, NULL),
};

struct cap_alert *cap_new(void)
{
    struct cap_alert *a = calloc(1, sizeof *a);
    if (a)
        a->status = a->msg_type = a->scope = -1;
    return a;
}

static void list_free(struct cap_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i]);
    free(l->items);
}

void cap_free(struct cap_alert *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_infos; i++) {
        struct cap_info *info = &a->infos[i];
        free(info->event);
        free(info->headline);
        free(info->description);
        free(info->instruction);
        free(info->web);
        free(info->contact);
        free(info->sender_name);
        list_free(&info->areas);
        list_free(&info->geocodes);
    }
    list_free(&a->references);
    free(a->identifier);
    free(a->sender);
    free(a->source);
    free(a->value_name);
    free(a);
}

/* Takes item, which may be NULL. */
static void list_add(struct cap_list *l, char *item)
{
    char **grown =
        item && *item && l->n < CAP_MAX_LIST ? realloc(l->items, (l->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(item);
        return;
    }
    l->items = grown;
    l->items[l->n++] = item;
}

static char *line(const char *text)
{
    struct buf b;
    buf_init(&b, 4096);
    text_to_line(&b, text, 1000);
    return buf_take(&b, NULL);
}

/* -1 if text is none of the words. */
static int word_index(const char *text, const char *const *words)
{
    char *trimmed = line(text);
    int found = -1;
    for (int i = 0; trimmed && words[i]; i++)
        if (strcmp(trimmed, words[i]) == 0)
            found = i;
    free(trimmed);
    return found;
}

static void read_value(void *field, const struct row *row, struct xml *x, const char *text)
{
    char **string = field;
    int *number = field, i;
    switch (row->kind) {
    case LINE:
    case TEXT:
        if (!*string)
            *string = row->kind == LINE ? line(text) : strdup(text);
        break;
    case DATE:
        if (!feed_date(text, (int64_t *)field))
            xml_stop(x, "a date such as 2026-11-26T07:30:00+01:00", "another one");
        break;
    case WORD:
    case STRICT_WORD:
        i = word_index(text, row->words);
        if (i < 0 && row->kind == STRICT_WORD)
            xml_stop(x, "a word that CAP 1.2 lists for this element", "another one");
        for (*number = i; i < 0 && row->words[*number + 1];) /* the last is "Unknown" */
            ++*number;
        break;
    }
}

void cap_open(struct cap_alert *a, struct xml *x, const char *path, const char **attrs)
{
    (void)attrs;
    if (strcmp(path, INFO) != 0)
        return;
    if (a->n_infos == CAP_MAX_INFOS) {
        xml_stop(x, "at most 24 blocks of information", "one more");
        return;
    }
    struct cap_info *info = &a->infos[a->n_infos++];
    info->urgency = CAP_URGENCY_UNKNOWN;
    info->severity = CAP_SEVERITY_UNKNOWN;
    info->certainty = CAP_CERTAINTY_UNKNOWN;
    memcpy(info->lang, "en", 3);
}

static void read_references(struct cap_alert *a, const char *text)
{
    while (*text) {
        size_t blank = strspn(text, " \t\r\n"), n = strcspn(text + blank, " \t\r\n");
        if (n > 0)
            list_add(&a->references, strndup(text + blank, n));
        text += blank + n;
    }
}

static void read_geocode(struct cap_alert *a, struct cap_info *info, const char *value)
{
    struct buf b;
    buf_init(&b, 512);
    buf_fmt(&b, "%s=", a->value_name ? a->value_name : "");
    text_to_line(&b, value, 200);
    list_add(&info->geocodes, buf_take(&b, NULL));
}

static void close_in_info(struct cap_alert *a, struct cap_info *info, const char *path,
                          const char *text)
{
    if (strcmp(path, INFO "/cap:language") == 0) {
        feed_lang(text, info->lang);
    } else if (strcmp(path, INFO "/cap:responseType") == 0) {
        info->all_clear |= strstr(text, "AllClear") != NULL;
    } else if (strcmp(path, AREA "/cap:areaDesc") == 0) {
        list_add(&info->areas, line(text));
    } else if (strcmp(path, AREA "/cap:geocode/cap:valueName") == 0) {
        free(a->value_name);
        a->value_name = line(text);
    } else if (strcmp(path, AREA "/cap:geocode/cap:value") == 0) {
        read_geocode(a, info, text);
    }
}

void cap_close(struct cap_alert *a, struct xml *x, const char *path, const char *text)
{
    struct cap_info *info = a->n_infos ? &a->infos[a->n_infos - 1] : NULL;
    if (strcmp(path, ALERT "/cap:references") == 0)
        read_references(a, text);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(path, rows[i].path) == 0)
            read_value(rows[i].of_info ? (char *)info + rows[i].offset : (char *)a + rows[i].offset,
                       &rows[i], x, text);
    if (info)
        close_in_info(a, info, path, text);
}

bool cap_check(const struct cap_alert *a, char *err, size_t err_len)
{
    const char *missing = !a->identifier || !*a->identifier ? "identifier"
                          : !a->sender || !*a->sender       ? "sender"
                          : !a->sent                        ? "sent"
                          : a->status < 0                   ? "status"
                          : a->msg_type < 0                 ? "msgType"
                          : a->scope < 0                    ? "scope"
                                                            : NULL;
    if (missing)
        snprintf(err, err_len, "found an alert without %s, expected <%s>", missing, missing);
    else if (a->msg_type == CAP_CANCEL && a->references.n == 0)
        snprintf(err, err_len, "found a Cancel without references, expected <references>");
    else
        return true;
    return false;
}

bool cap_refers(const char *reference, const char *sender, const char *identifier)
{
    size_t s = strlen(sender), i = strlen(identifier);
    return strncmp(reference, sender, s) == 0 && reference[s] == ',' &&
           strncmp(reference + s + 1, identifier, i) == 0 && reference[s + 1 + i] == ',';
}
