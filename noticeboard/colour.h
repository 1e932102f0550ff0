/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contrast of two colours (WCAG 2.1, success criterion 1.4.3). Pure. */
#ifndef LOGGIA_NOTICEBOARD_COLOUR_H
#define LOGGIA_NOTICEBOARD_COLOUR_H

#define COLOUR_CONTRAST_AA 4.5

/* Both as "#rrggbb"; 1 … 21, or 0 for what is no colour. */
double colour_contrast(const char *a, const char *b);

#endif
