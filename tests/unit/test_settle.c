/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What settle unmaps, by forged headers and in this process itself. */
#include "lib/settle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096, ROOM = 8 };

#define LOAD(flags, at, len)                                                                       \
    {                                                                                              \
        .p_type = PT_LOAD, .p_flags = (flags), .p_vaddr = (at), .p_filesz = (len),                 \
        .p_memsz = (len)                                                                           \
    }

static size_t ranges(const ElfW(Phdr) * h, size_t n, struct settle_range *out, size_t room)
{
    struct dl_phdr_info o = {.dlpi_addr = 0x7000000, .dlpi_phdr = h, .dlpi_phnum = (uint16_t)n};
    return settle_ranges(&o, PAGE, out, room);
}

static void test_what_is_only_read_goes_in_whole_pages(void **state)
{
    const ElfW(Phdr) h[] = {{.p_type = PT_PHDR, .p_flags = PF_R, .p_vaddr = 0x40, .p_memsz = 0x200},
                            LOAD(PF_R, 0, 0x1800),
                            LOAD(PF_R | PF_X, 0x2000, 0x1001),
                            LOAD(PF_R, 0x4010, 0xff0),
                            LOAD(PF_R | PF_W, 0x5db0, 0x900),
                            {.p_type = PT_GNU_RELRO, .p_vaddr = 0x5db0, .p_memsz = 0x250}};
    const struct settle_range wanted[] = {
        {0x7000000, 0x7002000}, {0x7002000, 0x7004000}, {0x7004000, 0x7005000}};
    struct settle_range found[ROOM];
    (void)state;
    assert_int_equal(ranges(h, 6, found, ROOM), 3);
    assert_memory_equal(found, wanted, sizeof wanted);
    assert_int_equal(ranges(h, 6, found, 2), 2); /* no more than there is room for */
    assert_int_equal(ranges(h, 6, found, 0), 0);
}

static void test_a_page_that_is_also_written_stays(void **state)
{
    const ElfW(Phdr) before[] = {LOAD(PF_R, 0, 0x1800), LOAD(PF_R | PF_W, 0x1900, 0x900)};
    const ElfW(Phdr) behind[] = {LOAD(PF_R | PF_W, 0, 0x1800), LOAD(PF_R | PF_X, 0x1900, 0x900)};
    struct settle_range found[ROOM];
    (void)state;
    assert_int_equal(ranges(before, 2, found, ROOM), 0);
    assert_int_equal(ranges(behind, 2, found, ROOM), 0);
}

static void test_relocated_text_stays(void **state)
{
    ElfW(Dyn) dynamic[] = {{.d_tag = DT_FLAGS, .d_un.d_val = DF_BIND_NOW}, {.d_tag = DT_NULL}};
    const uintptr_t at = (uintptr_t)dynamic - 0x7000000; /* where ranges() says that it is loaded */
    const ElfW(Phdr) h[] = {LOAD(PF_R | PF_X, 0, 0x1000),
                            {.p_type = PT_DYNAMIC, .p_vaddr = at, .p_memsz = sizeof dynamic}};
    struct settle_range found[ROOM];
    (void)state;
    assert_int_equal(ranges(h, 2, found, ROOM), 1);
    dynamic[0].d_un.d_val |= DF_TEXTREL;
    assert_int_equal(ranges(h, 2, found, ROOM), 0);
    dynamic[0].d_tag = DT_TEXTREL;
    assert_int_equal(ranges(h, 2, found, ROOM), 0);
}

/* --- this process --------------------------------------------------------------------------------
 */

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)
#define TRIMS 0 /* another allocator */
#else
#define TRIMS 1
#endif

enum { WORDS = 4, LARGE = 1 << 20, LARGE_KB = LARGE / 1024 };

static const char *const relocated[WORDS] = {"addresses", "that", "the loader", "wrote"};
static char written[] = "data", zeroed[64];
static const char large[LARGE] = {1};

struct resident {
    long files_kb, own_kb;
};

/* proc_pid_smaps_rollup(5): counted just now, unlike what status says. */
static struct resident resident(void)
{
    char line[256];
    long rss = 0, own = 0;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Rss: %ld", &rss) != 1)
            sscanf(line, "Anonymous: %ld", &own);
    fclose(f);
    return (struct resident){.files_kb = rss - own, .own_kb = own};
}

static unsigned sum_of_large(void)
{
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof large; i += PAGE)
        sum += *(const volatile unsigned char *)&large[i];
    return sum;
}

static void test_what_was_only_read_goes_and_comes_back(void **state)
{
    (void)state;
    assert_int_equal(sum_of_large(), 1);
    long before = resident().files_kb;
    settle();
    long settled = resident().files_kb;
    assert_int_equal(sum_of_large(), 1);
    long again = resident().files_kb;
    assert_true(settled > 0 && before - settled >= LARGE_KB);
    assert_true(again - settled >= LARGE_KB);
}

static void test_nothing_that_was_written_is_lost(void **state)
{
    enum { HELD = 1 << 18 };
    char *heap = malloc(HELD), stack[64] = "stack";
    (void)state;
    assert_non_null(heap);
    memset(heap, 0x42, HELD);
    strcpy(zeroed, "was zero");
    strcpy(written, "DATA");
    settle();
    assert_string_equal(relocated[0], "addresses");
    assert_string_equal(relocated[WORDS - 1], "wrote");
    assert_string_equal(written, "DATA");
    assert_string_equal(zeroed, "was zero");
    assert_string_equal(stack, "stack");
    for (size_t i = 0; i < HELD; i++)
        assert_int_equal(heap[i], 0x42);
    free(heap);
}

static void test_free_memory_between_what_is_held_goes(void **state)
{
    enum { N = 2048, LEN = 1024 };
    static char *held[N];
    (void)state;
    if (!TRIMS) {
        print_message("the allocator is not glibc's\n");
        skip();
    }
    for (size_t i = 0; i < N; i++) {
        held[i] = malloc(LEN);
        assert_non_null(held[i]);
        memset(held[i], 0x42, LEN);
    }
    for (size_t i = 0; i + 1 < N; i++) /* the last holds the end of the heap */
        free(held[i]);
    long before = resident().own_kb;
    settle();
    assert_true(before - resident().own_kb >= N * LEN / 2048);
    assert_int_equal(held[N - 1][LEN - 1], 0x42);
    free(held[N - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_only_read_goes_in_whole_pages),
        cmocka_unit_test(test_a_page_that_is_also_written_stays),
        cmocka_unit_test(test_relocated_text_stays),
        cmocka_unit_test(test_what_was_only_read_goes_and_comes_back),
        cmocka_unit_test(test_nothing_that_was_written_is_lost),
        cmocka_unit_test(test_free_memory_between_what_is_held_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
