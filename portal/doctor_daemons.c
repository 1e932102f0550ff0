/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loggiad says of itself, of the gate, of the RADIUS servers, and of what it keeps on disk. */
#include "config.h"
#include "portal/conf_digest.h"
#include "portal/doctor.h"
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static json_int_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static bool yes(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

/* --- daemons and configuration -----------------------------------------------------------------
 */

static void configuration(struct doctor *d)
{
    char digest[CONF_DIGEST_LEN];
    const json_t *waiting = json_object_get(d->facts, "needs_restart"), *name;
    size_t i;

    if (!d->facts || !d->conf || !conf_digest(d->options->file, digest))
        return;
    if (strcmp(digest, text(d->facts, "config_digest")) != 0) {
        doctor_say(d, "configuration", DOCTOR_WARN, "what the file says is not what happens",
                   "loggiactl reload", "%s was changed since loggiad read %s", d->options->file,
                   text(d->facts, "config_file"));
        return;
    }
    json_array_foreach (waiting, i, name) {
        doctor_say(d, "configuration", DOCTOR_WARN, "this option is read at a start alone",
                   "systemctl restart loggia-gate loggiad (nobody goes offline)",
                   "%s was changed and waits for a restart", json_string_value(name));
    }
    if (json_array_size(waiting) == 0)
        doctor_say(d, "configuration", DOCTOR_OK, NULL, NULL, "%s is valid, and is what runs",
                   d->options->file);
}

void doctor_daemons(struct doctor *d)
{
    const json_t *gate = json_object_get(d->facts, "gate");

    if (!d->facts) {
        doctor_say(d, "loggiad", DOCTOR_BAD,
                   "nobody new comes online, and no session is accounted for",
                   "systemctl status loggiad; journalctl -u loggiad -n 50",
                   "loggiad does not answer on %s", d->options->socket);
        return;
    }
    if (strcmp(text(d->facts, "version"), PACKAGE_VERSION) != 0)
        doctor_say(d, "loggiad", DOCTOR_WARN, "an upgrade has not reached the running daemon",
                   "systemctl restart loggia-gate loggiad (nobody goes offline)",
                   "loggiad is version %s, loggiactl " PACKAGE_VERSION, text(d->facts, "version"));
    else
        doctor_say(d, "loggiad", DOCTOR_OK, NULL, NULL, "loggiad answers, pid %lld",
                   (long long)number(d->facts, "pid"));
    if (yes(gate, "connected"))
        doctor_say(d, "loggia-gate", DOCTOR_OK, NULL, NULL, "loggia-gate answers loggiad");
    else
        doctor_say(d, "loggia-gate", DOCTOR_BAD,
                   "nobody new comes online; those who are stay so until their time is over",
                   "systemctl status loggia-gate; journalctl -u loggia-gate -n 50",
                   "loggia-gate does not answer loggiad");
    configuration(d);
}

/* --- radius ------------------------------------------------------------------------------------
 */

static void server(struct doctor *d, const json_t *s)
{
    const char *name = text(s, "server"), *purpose = text(s, "for");
    json_int_t last = number(s, "last_answer_s"), forged = number(s, "forged");
    char mend[256];

    if (forged > 0 && !yes(s, "answered")) {
        doctor_say(d, "radius", DOCTOR_BAD,
                   "answers that do not fit the secret are thrown away, so nobody is let in",
                   "make secret_file of this server and the client entry in the centre the same",
                   "%s (%s): %lld replies were signed with another secret", name, purpose,
                   (long long)forged);
        return;
    }
    if (yes(s, "answered")) {
        doctor_say(d, "radius", DOCTOR_OK, NULL, NULL, "%s (%s, %s port %lld) answers in %.1f ms",
                   name, purpose, text(s, "address"), (long long)number(s, "port"),
                   (double)number(s, "rtt_us") / 1000);
        return;
    }
    if (yes(s, "unsigned")) {
        doctor_say(d, "radius", DOCTOR_WARN,
                   "until it has answered a question, loggiad cannot tell whether it lives",
                   "in the centre, answer Status-Server with a Message-Authenticator: FreeRADIUS "
                   "3.2.5 does, older ones with update reply { Message-Authenticator := 0x00 }",
                   "%s (%s) answers Status-Server, but unsigned", name, purpose);
        return;
    }
    snprintf(mend, sizeof mend,
             "ping %s; in the centre: systemctl status freeradius, is this router in clients.conf "
             "with this secret, status_server = yes, udp/%lld let in",
             text(s, "address"), (long long)number(s, "port"));
    bool lately = last >= 0 && last <= CTL_RADIUS_SILENT_S && yes(s, "alive");
    if (lately)
        doctor_say(d, "radius", DOCTOR_WARN,
                   "loggiad cannot tell when it comes back from an outage", mend,
                   "%s (%s) answers questions (%lld s ago), but not Status-Server", name, purpose,
                   (long long)last);
    else
        doctor_say(
            d, "radius", DOCTOR_BAD,
            strcmp(purpose, "access") == 0
                ? "where no server answers, what when_radius_down says is all that newcomers "
                  "get"
                : "accounting waits on disk until it answers",
            mend, "%s (%s, %s port %lld) does not answer", name, purpose, text(s, "address"),
            (long long)number(s, "port"));
}

void doctor_radius(struct doctor *d)
{
    if (!d->conf->has_radius) {
        doctor_say(d, "radius", DOCTOR_OK, NULL, NULL,
                   "no server is configured: this router decides by itself");
        return;
    }
    json_t *a = d->facts ? doctor_ask(d, "radius") : NULL;
    const json_t *s;
    size_t i;
    if (!a) {
        doctor_say(d, "radius", DOCTOR_WARN, "only loggiad may speak with the servers",
                   "mend loggiad first", "could not be asked");
        return;
    }
    json_array_foreach (json_object_get(a, "servers"), i, s) {
        server(d, s);
    }
    json_decref(a);
}

/* --- what is kept ------------------------------------------------------------------------------
 */

static void notices(struct doctor *d)
{
    const json_t *n = json_object_get(d->facts, "notices");
    if (number(n, "skipped") > 0)
        doctor_say(d, "notices", DOCTOR_WARN, "citizens do not see what these files say",
                   "journalctl -u loggiad | grep notice-skipped",
                   "%lld files of %s are no right notices", (long long)number(n, "skipped"),
                   text(n, "directory"));
    else
        doctor_say(d, "notices", DOCTOR_OK, NULL, NULL, "%lld are read",
                   (long long)number(n, "read"));
}

static void disk(struct doctor *d)
{
    const json_t *lost = json_object_get(d->facts, "not_kept"), *name;
    json_int_t dropped = number(d->facts, "accounting_dropped");
    size_t i;
    const char *dir = d->conf->state_directory;
    uint64_t wanted = d->conf->has_radius ? (uint64_t)d->conf->radius.queue_mb << 20 : 1 << 20;
    struct statvfs v;

    json_array_foreach (lost, i, name) {
        doctor_say(d, "disk", DOCTOR_BAD, "it is in memory alone, and is lost if loggiad ends",
                   "make room; is it mounted read-only? Does it belong to loggiad's user?",
                   "%s cannot be kept in %s", json_string_value(name), dir);
    }
    if (json_array_size(lost) > 0)
        return;
    if (statvfs(dir, &v) != 0) {
        doctor_say(d, "disk", DOCTOR_BAD, "loggiad has nowhere to keep accounting that waits",
                   "systemd-tmpfiles --create; or mkdir it, for loggiad's user", "%s is not there",
                   dir);
        return;
    }
    uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
    char shown[CTL_TEXT_LEN];
    if (room < wanted)
        doctor_say(d, "disk", DOCTOR_WARN,
                   "an outage of the centre could fill the disk, and accounting would be lost",
                   "make room, or lower queue_mb in the section radius", "%s has %s left", dir,
                   ctl_bytes(room, shown));
    else
        doctor_say(d, "disk", DOCTOR_OK, NULL, NULL, "%s has %s left", dir, ctl_bytes(room, shown));
    if (dropped > 0)
        doctor_say(d, "disk", DOCTOR_WARN, "the centre's accounts have gaps",
                   "raise queue_mb in the section radius; and find out why the centre was away",
                   "%lld accounting records were given up, the queue was full", (long long)dropped);
}

void doctor_state(struct doctor *d)
{
    if (d->facts)
        notices(d);
    doctor_board(d);
    disk(d);
}
