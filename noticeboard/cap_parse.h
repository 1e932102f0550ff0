/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CAP 1.2 (OASIS Common Alerting Protocol): one alert, its values as they are; import.h makes
 * notices of it. Pure; the functions are an xml_sink's (source.h). */
#ifndef LOGGIA_NOTICEBOARD_CAP_PARSE_H
#define LOGGIA_NOTICEBOARD_CAP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xml;

#define CAP_MAX_INFOS 24  /* languages, mostly */
#define CAP_MAX_LIST  256 /* areas, geocodes, references */

/* In the order of the standard, most urgent first. The last is also what is not there. */
enum cap_status { CAP_ACTUAL, CAP_EXERCISE, CAP_SYSTEM, CAP_TEST, CAP_DRAFT };
enum cap_msg_type { CAP_ALERT, CAP_UPDATE, CAP_CANCEL, CAP_ACK, CAP_ERROR };
enum cap_scope { CAP_PUBLIC, CAP_RESTRICTED, CAP_PRIVATE };
enum cap_urgency { CAP_IMMEDIATE, CAP_EXPECTED, CAP_FUTURE, CAP_PAST, CAP_URGENCY_UNKNOWN };
enum cap_severity { CAP_EXTREME, CAP_SEVERE, CAP_MODERATE, CAP_MINOR, CAP_SEVERITY_UNKNOWN };
enum cap_certainty { CAP_OBSERVED, CAP_LIKELY, CAP_POSSIBLE, CAP_UNLIKELY, CAP_CERTAINTY_UNKNOWN };

struct cap_list {
    char **items;
    size_t n;
};

struct cap_info {
    char lang[16]; /* as feed_lang; the standard's default is "en" */
    char *event, *headline, *description, *instruction, *web, *contact, *sender_name;
    int urgency, severity, certainty;  /* cap_urgency … */
    bool all_clear;                    /* responseType AllClear */
    int64_t effective, onset, expires; /* Unix seconds, 0 where absent */
    struct cap_list areas;             /* areaDesc */
    struct cap_list geocodes;          /* "NAME=VALUE" */
};

struct cap_alert {
    char *identifier, *sender, *source;
    int64_t sent;
    int status, msg_type, scope; /* cap_status … */
    struct cap_list references;  /* "SENDER,IDENTIFIER,SENT" */
    struct cap_info infos[CAP_MAX_INFOS];
    size_t n_infos;
    bool in_info; /* while reading */
    char *value_name;
};

struct cap_alert *cap_new(void);
void cap_free(struct cap_alert *a);
void cap_open(struct cap_alert *a, struct xml *x, const char *path, const char **attrs);
void cap_close(struct cap_alert *a, struct xml *x, const char *path, const char *text);
/* After the last element: what the standard demands. False with "found …, expected …" in err. */
bool cap_check(const struct cap_alert *a, char *err, size_t err_len);

/* Whether reference names the message (sender, identifier). */
bool cap_refers(const char *reference, const char *sender, const char *identifier);

#endif
