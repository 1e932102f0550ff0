/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loggiactl prints for people: units, and times in words. Scripts read --json. */
#include "portal/loggiactl.h"
#include <stdio.h>
#include <string.h>

char *ctl_bytes(uint64_t bytes, char buf[static CTL_TEXT_LEN])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    double v = (double)bytes / 1000;
    size_t u = 0;
    if (bytes < 1000) {
        snprintf(buf, CTL_TEXT_LEN, "%u B", (unsigned)bytes);
        return buf;
    }
    while (v >= 1000 && u + 1 < sizeof units / sizeof *units) {
        v /= 1000;
        u++;
    }
    snprintf(buf, CTL_TEXT_LEN, "%.1f %s", v, units[u]);
    return buf;
}

char *ctl_time(uint64_t s, char buf[static CTL_TEXT_LEN])
{
    unsigned long long days = s / 86400, hours = s / 3600 % 24, minutes = s / 60 % 60;
    if (s < 60)
        snprintf(buf, CTL_TEXT_LEN, "%u s", (unsigned)s);
    else if (s < 3600)
        snprintf(buf, CTL_TEXT_LEN, "%llu min", minutes);
    else if (s < 86400)
        snprintf(buf, CTL_TEXT_LEN, "%llu h %02llu min", hours, minutes);
    else
        snprintf(buf, CTL_TEXT_LEN, "%llu d %llu h", days, hours);
    return buf;
}

char *ctl_rate(uint64_t bytes_s, char buf[static CTL_TEXT_LEN])
{
    double bits = 8 * (double)bytes_s;
    if (!bytes_s)
        snprintf(buf, CTL_TEXT_LEN, "no cap");
    else if (bits < 1e6)
        snprintf(buf, CTL_TEXT_LEN, "%.0f kbit/s", bits / 1e3);
    else
        snprintf(buf, CTL_TEXT_LEN, "%.1f Mbit/s", bits / 1e6);
    return buf;
}

static uint64_t number(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool yes(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static void show_servers(const json_t *servers)
{
    size_t i;
    const json_t *s;
    json_array_foreach (servers, i, s) {
        printf(
            "radius       %s: %s, %llu questions, %llu accepted, %llu rejected, %llu unanswered, "
            "%llu sent again, last answer after %.1f ms\n",
            text(s, "name"), yes(s, "alive") ? "answers" : "DOES NOT ANSWER",
            (unsigned long long)number(s, "requests"), (unsigned long long)number(s, "accepts"),
            (unsigned long long)number(s, "rejects"), (unsigned long long)number(s, "timeouts"),
            (unsigned long long)number(s, "retransmissions"),
            (double)number(s, "last_rtt_us") / 1000);
    }
}

static void show_accounting(const json_t *a)
{
    char waits[CTL_TEXT_LEN], disk[CTL_TEXT_LEN];
    printf("accounting   %llu records sent, %llu acknowledged, %llu wait",
           (unsigned long long)number(a, "sent"), (unsigned long long)number(a, "acknowledged"),
           (unsigned long long)number(a, "waiting"));
    if (number(a, "waiting"))
        printf(" (the oldest for %s; %s on disk)", ctl_time(number(a, "oldest_s"), waits),
               ctl_bytes(number(a, "disk_bytes"), disk));
    printf(", %llu dropped%s\n", (unsigned long long)number(a, "dropped"),
           yes(a, "disk_failing") ? "; THE QUEUE CANNOT BE WRITTEN TO DISK" : "");
}

static void show_rates(const json_t *gate)
{
    if (!yes(gate, "shaped")) {
        puts("rates        policed");
        return;
    }
    printf("rates        shaped: %s",
           !yes(gate, "shaped_all") ? "AN INTERFACE CANNOT BE, so all are policed (doctor)"
           : yes(gate, "shaped_up") ? "queues for downloads and uploads"
                                    : "queues for downloads; uploads policed");
    if (number(gate, "unqueued"))
        printf("; %llu devices have no queue and are policed",
               (unsigned long long)number(gate, "unqueued"));
    putchar('\n');
}

static void show_board(const json_t *b)
{
    char age[CTL_TEXT_LEN], heard[CTL_TEXT_LEN];
    const char *error = text(b, "last_error");
    if (!b || json_is_null(b))
        return;
    if (number(b, "serial") == 0)
        printf("board        %s: NOTHING YET", text(b, "url"));
    else
        printf(
            "board        %s: edition %llu, %llu notices, %llu services, signed %s ago%s",
            text(b, "name"), (unsigned long long)number(b, "serial"),
            (unsigned long long)number(b, "notices"), (unsigned long long)number(b, "services"),
            ctl_time(json_integer_value(json_object_get(b, "age_s")) > 0 ? number(b, "age_s") : 0,
                     age),
            yes(b, "from_disk") ? " (from disk)" : "");
    if (json_integer_value(json_object_get(b, "heard_s")) >= 0)
        printf(", heard %s ago", ctl_time(number(b, "heard_s"), heard));
    printf("; %s%s%s\n", text(b, "state"), *error ? "; LAST: " : "", error);
}

/* Of the last one to two minutes. */
static void show_loops(const json_t *loops)
{
    static const char *const daemons[] = {"loggiad", "loggia-gate"};
    printf("loops        ");
    for (size_t i = 0; i < 2; i++) {
        const json_t *t = json_object_get(loops, daemons[i]);
        printf("%s%s: longest turn %.1f ms (%.1f of it no processor), %llu slow", i ? "; " : "",
               daemons[i], (double)number(t, "longest_us") / 1000,
               (double)number(t, "waited_us") / 1000, (unsigned long long)number(t, "slow"));
    }
    putchar('\n');
}

void ctl_show_status(const json_t *s)
{
    const json_t *gate = json_object_get(s, "gate"), *n = json_object_get(s, "sessions");
    const json_t *web = json_object_get(s, "web"), *notices = json_object_get(s, "notices");
    char up[CTL_TEXT_LEN];

    printf("loggiad      %s, pid %llu, up %s\n", text(s, "version"),
           (unsigned long long)number(s, "pid"), ctl_time(number(s, "uptime_s"), up));
    printf("network      %s, http://%s/\n", text(s, "network"), text(s, "portal_name"));
    printf("gate         table %s, %s, pid %llu, lost %llu times, rebuilt %llu times\n",
           text(s, "table"), yes(gate, "connected") ? "connected" : "NOT CONNECTED",
           (unsigned long long)number(gate, "pid"), (unsigned long long)number(gate, "losses"),
           (unsigned long long)number(gate, "rebuilt"));
    show_rates(gate);
    if (number(gate, "claims"))
        printf("ON THE LAN   somebody claimed this router's address %llu times: see the log\n",
               (unsigned long long)number(gate, "claims"));
    printf("sessions     %llu open of %llu, %llu devices known, %llu left, %llu denied\n",
           (unsigned long long)number(n, "open"), (unsigned long long)number(gate, "max_devices"),
           (unsigned long long)number(n, "known"), (unsigned long long)number(n, "left"),
           (unsigned long long)number(n, "denied"));
    printf("joins        %llu silent, %llu by tap, %llu rejected, %llu unanswered\n",
           (unsigned long long)number(n, "joins_silent"),
           (unsigned long long)number(n, "joins_tap"), (unsigned long long)number(n, "rejects"),
           (unsigned long long)number(n, "no_answers"));
    show_servers(json_object_get(s, "radius"));
    show_accounting(json_object_get(s, "accounting"));
    printf(
        "web          %llu requests, %llu redirects, %llu pages, %llu timeouts, %llu connections\n",
        (unsigned long long)number(web, "requests"), (unsigned long long)number(web, "redirects"),
        (unsigned long long)number(web, "pages"), (unsigned long long)number(web, "timeouts"),
        (unsigned long long)number(web, "connections"));
    show_loops(json_object_get(s, "loops"));
    printf("notices      %llu read, %llu skipped\n", (unsigned long long)number(notices, "read"),
           (unsigned long long)number(notices, "skipped"));
    show_board(json_object_get(s, "board"));
    if (!yes(s, "clock_sane"))
        puts("clock        IS WRONG: the dates of notices are not looked at");
    if (!yes(s, "key_kept"))
        puts("state        THE KEY CANNOT BE KEPT: open forms end with this process");
}

void ctl_show_clients(const json_t *clients)
{
    size_t i;
    const json_t *c;
    printf("%-17s  %-12s  %-16s  %-7s  %-16s  %-12s  %-12s  %9s  %9s  %s\n", "MAC", "DEVICE",
           "SESSION", "STATE", "ZONE", "SINCE", "ENDS IN", "UP", "DOWN", "CAP DOWN/UP");
    json_array_foreach (clients, i, c) {
        char since[CTL_TEXT_LEN], ends[CTL_TEXT_LEN], up[CTL_TEXT_LEN], down[CTL_TEXT_LEN];
        char cap_up[CTL_TEXT_LEN], cap_down[CTL_TEXT_LEN];
        bool session = json_object_get(c, "session") != NULL;
        printf("%-17s  %-12s  %-16s  %-7s  %-16s", text(c, "mac"), text(c, "device"),
               session ? text(c, "session") : "-", text(c, "state"), text(c, "zone"));
        if (session)
            printf("  %-12s  %-12s  %9s  %9s  %s / %s", ctl_time(number(c, "since_s"), since),
                   ctl_time(number(c, "ends_in_s"), ends), ctl_bytes(number(c, "up_bytes"), up),
                   ctl_bytes(number(c, "down_bytes"), down),
                   ctl_rate(number(c, "down_Bps"), cap_down),
                   ctl_rate(number(c, "up_Bps"), cap_up));
        putchar('\n');
    }
}

void ctl_show_kick(const json_t *k)
{
    char since[CTL_TEXT_LEN], up[CTL_TEXT_LEN], down[CTL_TEXT_LEN];
    printf("closed session %s of device %s after %s: %s up, %s down\n", text(k, "session"),
           text(k, "device"), ctl_time(number(k, "since_s"), since),
           ctl_bytes(number(k, "up_bytes"), up), ctl_bytes(number(k, "down_bytes"), down));
}
