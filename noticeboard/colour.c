/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noticeboard/colour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Relative luminance of an sRGB colour, or -1. */
static double luminance(const char *colour)
{
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    unsigned part[3];
    double sum = 0;

    if (strlen(colour) != 7 || sscanf(colour, "#%2x%2x%2x", &part[0], &part[1], &part[2]) != 3)
        return -1;
    for (int i = 0; i < 3; i++) {
        double c = part[i] / 255.0;
        sum += weight[i] * (c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

double colour_contrast(const char *a, const char *b)
{
    double la = luminance(a), lb = luminance(b);

    if (la < 0 || lb < 0)
        return 0;
    return la > lb ? (la + 0.05) / (lb + 0.05) : (lb + 0.05) / (la + 0.05);
}
