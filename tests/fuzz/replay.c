/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in for libFuzzer where it is not asked for: `make check` feeds every seed of a target
 * to it, and each seed cut short at every length, plain and under the sanitizers. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void feed(const char *path)
{
    static uint8_t data[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        exit(1);
    }
    size_t len = fread(data, 1, sizeof data, f);
    fclose(f);
    size_t step = len > 2048 ? 7 : 1;
    for (size_t n = len % step; n <= len; n += step) {
        uint8_t *exact = malloc(n ? n : 1); /* so that one byte too far is seen */
        memcpy(exact, data, n);
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
}

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "fuzz_");
    for (const char *next; name && (next = strstr(name + 1, "fuzz_"));)
        name = next;
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/tests/fuzz/seeds/%s", TEST_SRCDIR, name ? name + 5 : "");
    if (argc > 1)
        snprintf(dir, sizeof dir, "%s", argv[1]);
    DIR *d = opendir(dir);
    if (!d) {
        perror(dir);
        return 1;
    }
    unsigned seeds = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[8192];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        feed(path);
        seeds++;
    }
    closedir(d);
    printf("[       OK ] %u seeds of %s\n", seeds, dir);
    return seeds ? 0 : 1;
}
