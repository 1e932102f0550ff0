/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plural rule of a catalogue, evaluated from its text by recursive descent (precedence
 * climbing). The text comes from a file, so depth is bounded, division by zero is an error, and
 * numbers wrap without undefined behaviour because they are unsigned, as gettext has them. */
#include "lib/i18n_mo.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define MAX_DEPTH 32

struct plural {
    const char *at;
    unsigned long n;
    unsigned depth;
    bool failed;
};

static unsigned long ternary(struct plural *p);

static void blanks(struct plural *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static unsigned long fail(struct plural *p)
{
    p->failed = true;
    return 0;
}

static unsigned long number(struct plural *p)
{
    unsigned long value = 0;
    for (unsigned i = 0; isdigit((unsigned char)*p->at); i++, p->at++) {
        if (i == 9)
            return fail(p);
        value = value * 10 + (unsigned long)(*p->at - '0');
    }
    return value;
}

static unsigned long primary(struct plural *p)
{
    unsigned long value;
    if (p->failed || ++p->depth > MAX_DEPTH)
        return fail(p);
    blanks(p);
    if (*p->at == '!') {
        p->at++;
        value = !primary(p);
    } else if (*p->at == '(') {
        p->at++;
        value = ternary(p);
        blanks(p);
        if (*p->at != ')')
            return fail(p);
        p->at++;
    } else if (*p->at == 'n') {
        p->at++;
        value = p->n;
    } else if (isdigit((unsigned char)*p->at)) {
        value = number(p);
    } else {
        return fail(p);
    }
    p->depth--;
    return value;
}

enum operation { OR, AND, EQ, NE, LE, GE, LT, GT, ADD, SUB, MUL, DIV, MOD, OPERATIONS };
static const struct {
    const char *text;
    int rank; /* binds tighter the higher */
} operations[OPERATIONS] = {
    [OR] = {"||", 1}, [AND] = {"&&", 2}, [EQ] = {"==", 3}, [NE] = {"!=", 3}, [LE] = {"<=", 4},
    [GE] = {">=", 4}, [LT] = {"<", 4},   [GT] = {">", 4},  [ADD] = {"+", 5}, [SUB] = {"-", 5},
    [MUL] = {"*", 6}, [DIV] = {"/", 6},  [MOD] = {"%", 6},
};

static unsigned long apply(struct plural *p, enum operation op, unsigned long a, unsigned long b)
{
    if ((op == DIV || op == MOD) && b == 0)
        return fail(p);
    switch (op) {
    case OR:
        return a || b;
    case AND:
        return a && b;
    case EQ:
        return a == b;
    case NE:
        return a != b;
    case LE:
        return a <= b;
    case GE:
        return a >= b;
    case LT:
        return a < b;
    case GT:
        return a > b;
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    default:
        return a % b;
    }
}

/* Operators of at least rank, all left-associative. */
static unsigned long binary(struct plural *p, int rank)
{
    unsigned long left = primary(p);
    while (!p->failed) {
        enum operation op = OR;
        blanks(p);
        while (op < OPERATIONS &&
               strncmp(p->at, operations[op].text, strlen(operations[op].text)) != 0)
            op++;
        if (op == OPERATIONS || operations[op].rank < rank)
            break;
        p->at += strlen(operations[op].text);
        unsigned long right = binary(p, operations[op].rank + 1);
        if (!p->failed)
            left = apply(p, op, left, right);
    }
    return left;
}

static unsigned long ternary(struct plural *p)
{
    if (p->failed || ++p->depth > MAX_DEPTH)
        return fail(p);
    unsigned long value = binary(p, 1);
    blanks(p);
    if (!p->failed && *p->at == '?') {
        p->at++;
        unsigned long yes = ternary(p);
        blanks(p);
        if (*p->at != ':')
            return fail(p);
        p->at++;
        unsigned long no = ternary(p);
        value = value ? yes : no;
    }
    p->depth--;
    return value;
}

long plural_form(const char *text, unsigned long n)
{
    struct plural p = {.at = text, .n = n};
    if (strlen(text) > PLURAL_MAX_TEXT)
        return -1;
    unsigned long value = ternary(&p);
    blanks(&p);
    return p.failed || *p.at != '\0' || value > 100 ? -1 : (long)value;
}
