/* SPDX-License-Identifier: GPL-2.0-or-later */
/* https://prometheus.io/docs/instrumenting/exposition_formats/, "Text-based format". Numbers are
 * written without a locale's comma: whole ones, and seconds with six places. */
#include "portal/metrics_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void escaped(struct buf *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            buf_add(b, "\\", 1);
        if (*text == '\n')
            buf_str(b, "\\n");
        else
            buf_add(b, text, 1);
    }
}

void metrics_family(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void head(struct buf *b, const char *name, const struct metrics_label *labels)
{
    bool any = labels && labels->name;
    buf_str(b, name);
    for (const struct metrics_label *l = labels; l && l->name; l++) {
        buf_fmt(b, "%s%s=\"", l == labels ? "{" : ",", l->name);
        escaped(b, l->value);
        buf_str(b, "\"");
    }
    buf_str(b, any ? "} " : " ");
}

void metrics_sample(struct buf *b, const char *name, const struct metrics_label *labels,
                    uint64_t value)
{
    head(b, name, labels);
    buf_fmt(b, "%" PRIu64 "\n", value);
}

void metrics_sample_us(struct buf *b, const char *name, const struct metrics_label *labels,
                       uint64_t us)
{
    head(b, name, labels);
    buf_fmt(b, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

void metrics_histogram(struct buf *b, const char *name, const char *help, const struct histogram *h)
{
    char part[128], bound[32];
    metrics_family(b, name, "histogram", help);
    snprintf(part, sizeof part, "%s_bucket", name);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t us = histogram_bound_us(i);
        if (us == UINT64_MAX)
            snprintf(bound, sizeof bound, "+Inf");
        else
            snprintf(bound, sizeof bound, "%" PRIu64 ".%04" PRIu64, us / 1000000,
                     us % 1000000 / 100);
        const struct metrics_label labels[] = {{"le", bound}, {NULL, NULL}};
        metrics_sample(b, part, labels, histogram_up_to(h, i));
    }
    snprintf(part, sizeof part, "%s_sum", name);
    metrics_sample_us(b, part, NULL, h->sum_us);
    snprintf(part, sizeof part, "%s_count", name);
    metrics_sample(b, part, NULL, histogram_up_to(h, HISTOGRAM_BUCKETS - 1));
}
