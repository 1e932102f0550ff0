/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages citizens see. With LOGGIA_PAGES_DIR set, every page of the samples is written there, to
 * be looked at and to be given to an HTML checker. */
#include "lib/buf.h"
#include "lib/card.h"
#include "lib/i18n.h"
#include "lib/log.h"
#include "lib/notice.h"
#include "lib/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SOME_DAY INT64_C(1798000000) /* 2026-12-23 */

static struct i18n *i18n;
static struct service *cards[3];
static const struct service *shown_cards[3];
static struct publisher comune = {
    .id = "comune", .name = "Comune di Prato", .colour = 0x0066CC, .has_colour = true};
static const struct publisher *const publishers[] = {&comune};
static struct notice_set *samples;
static const struct notice *chosen[PAGE_MAX_NOTICES];

static bool load_cards(void)
{
    static const char *const texts[] = {
        "zones: *\nlink: https://biblioteca.example/\nicon: library\norder: 1\n--- it\n# "
        "Biblioteca "
        "Lazzerini\nCataloghi, orari e sale studio.\n--- en\n# Lazzerini library\nCatalogue, "
        "hours, "
        "study rooms.\n",
        "zones: *\nlink: tel:+390574000000\nicon: phone\norder: 2\n--- it\n# Numero del "
        "Comune\nDal lunedì al venerdì, 8-18.\n",
        "zones: *\nlink: https://suap.example/?a=1&b=2\nicon: office\norder: 3\n--- it\n# SUAP "
        "<sportello> & imprese\n"};
    static const char *const ids[] = {"biblioteca", "numero", "suap"};
    char err[320];
    for (size_t i = 0; i < 3; i++)
        if (!(cards[i] = service_parse(ids[i], texts[i], strlen(texts[i]), err, sizeof err)))
            return false;
    return service_select(cards, 3, "piazza-duomo", shown_cards, 3) == 3;
}

static int load(void **state)
{
    (void)state;
    i18n = i18n_load(TEST_BUILDDIR "/po");
    samples = notice_dir_read(TEST_SRCDIR "/conf/notices");
    return samples && load_cards() ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        service_free(cards[i]);
    notice_set_free(samples);
    i18n_free(i18n);
    return 0;
}

static const struct page_privacy sample_privacy = {.controller = "Comune di Prato",
                                                   .centre = true,
                                                   .old_accounts = true,
                                                   .retention_s = 180 * 86400,
                                                   .interim_s = 300,
                                                   .session_s = 7200,
                                                   .idle_s = 1800};

static struct page_view sample_view(enum page_kind kind, const char *lang)
{
    struct page_view v = {.kind = kind,
                          .lang = lang,
                          .network = "Prato Wi-Fi",
                          .zone_title = "Piazza del Duomo",
                          .portal_url = "https://wifi.prato.example",
                          .privacy = &sample_privacy,
                          .login = PAGE_LOGIN_FORM,
                          .path = kind == PAGE_NEWS ? "/news" : "/",
                          .notices = chosen,
                          .services = shown_cards,
                          .n_services = 3,
                          .publishers = publishers,
                          .n_publishers = 1,
                          .token = "dG9rZW4.token",
                          .terms_id = "2026-1",
                          .remaining_s = 7500,
                          .down_Bps = 625000,
                          .up_Bps = 187500,
                          .used_bytes = 123000000,
                          .quota_bytes = 300000000};
    v.n_notices = notice_select(samples, "piazza-duomo", SOME_DAY, true, chosen, PAGE_MAX_NOTICES);
    return v;
}

/* The page; the caller frees. */
static char *render(const struct page_view *v)
{
    struct buf b;
    buf_init(&b, PAGE_MAX_BYTES);
    page_render(&b, i18n, v);
    assert_false(b.failed);
    char *html = buf_take(&b, NULL);
    assert_non_null(html);
    return html;
}

static void has(const struct page_view *v, const char *text)
{
    char *html = render(v);
    if (!strstr(html, text))
        fail_msg("not on the page: %s\n%s", text, html);
    free(html);
}

static void has_not(const struct page_view *v, const char *text)
{
    char *html = render(v);
    if (strstr(html, text))
        fail_msg("on the page: %s\n%s", text, html);
    free(html);
}

/* --- a small reader of HTML, stricter than browsers
 * ----------------------------------------------- */

static bool is_void(const char *name, size_t n)
{
    static const char *const voids[] = {"meta", "link", "input", "br", "hr", "img"};
    for (size_t i = 0; i < sizeof voids / sizeof *voids; i++)
        if (strlen(voids[i]) == n && strncmp(voids[i], name, n) == 0)
            return true;
    return false;
}

/* The end of a tag that begins at "<": quotes are paired, no "<" inside. */
static const char *end_of_tag(const char *at)
{
    bool quoted = false;
    for (at++; *at; at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (*at == '<')
            return NULL;
        else if (*at == '>' && !quoted)
            return at;
    }
    return NULL;
}

/* Every element is closed in order. */
static void well_formed(const char *html)
{
    const char *open[8192];
    size_t lens[8192], depth = 0;
    assert_int_equal(strncmp(html, "<!DOCTYPE html>", 15), 0);
    for (const char *at = strchr(html + 15, '<'); at; at = strchr(at, '<')) {
        const char *end = end_of_tag(at), *name = at + 1 + (at[1] == '/');
        if (!end)
            fail_msg("unfinished tag: %.60s", at);
        size_t n = strcspn(name, " >/");
        if (at[1] == '/') {
            if (depth == 0 || lens[depth - 1] != n || strncmp(open[depth - 1], name, n) != 0)
                fail_msg("closed what is not open: %.60s", at);
            depth--;
        } else if (end[-1] != '/' && !is_void(name, n)) {
            assert_true(depth < 8192);
            open[depth] = name;
            lens[depth++] = n;
        }
        at = end;
    }
    assert_int_equal(depth, 0);
}

static size_t count(const char *html, const char *what)
{
    size_t n = 0;
    for (const char *at = html; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

/* What every page must be, whatever is on it. */
static void sound(const char *html)
{
    well_formed(html);
    assert_int_equal(count(html, "<h1"), 1);
    assert_int_equal(count(html, "<main"), 1);
    assert_int_equal(count(html, "<title>"), 1);
    assert_null(strstr(html, "<script"));
    assert_int_equal(count(html, "<img"), count(html, "<img class=\"logo\" src=\"/logo/"));
    assert_in_range(strlen(html), 1000, PAGE_MAX_BYTES);
}

static void keep(const char *name, const char *lang, const char *html)
{
    char path[512];
    const char *dir = getenv("LOGGIA_PAGES_DIR");
    if (!dir)
        return;
    snprintf(path, sizeof path, "%s/%s.%s.html", dir, name, lang);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(html, f);
    fclose(f);
}

static const struct {
    enum page_kind kind;
    const char *name;
} kinds[] = {{PAGE_SPLASH, "splash"},       {PAGE_ONLINE, "online"}, {PAGE_LEFT, "left"},
             {PAGE_FORGOTTEN, "forgotten"}, {PAGE_DENIED, "denied"}, {PAGE_TERMS, "terms"},
             {PAGE_PRIVACY, "privacy"},     {PAGE_NEWS, "news"},     {PAGE_ERROR, "error"}};

static void every_page_is_sound_in_every_language(void **state)
{
    (void)state;
    const char *const *tags;
    size_t n = i18n_languages(i18n, &tags);
    for (size_t l = 0; l < n; l++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            char lang[64];
            struct page_view v = sample_view(kinds[k].kind, tags[l]);
            v.error = v.kind == PAGE_ERROR ? PAGE_E_CENTRE_DOWN : PAGE_E_NONE;
            v.reason = "suspended";
            char *html = render(&v);
            snprintf(lang, sizeof lang, "<html lang=\"%s\" dir=\"ltr\">", tags[l]);
            assert_non_null(strstr(html, lang));
            keep(kinds[k].name, tags[l], html);
            sound(html);
            free(html);
        }
}

static void nothing_is_fetched_from_elsewhere(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct page_view v = sample_view(kinds[k].kind, "it");
        char *html = render(&v);
        assert_null(strstr(html, "<script"));
        assert_null(strstr(html, "<img"));
        assert_null(strstr(html, "src="));
        assert_null(strstr(html, "url("));
        assert_null(strstr(html, "@import"));
        assert_int_equal(count(html, "<link "), 1); /* the empty icon, so that none is asked for */
        assert_non_null(strstr(html, "<link rel=\"icon\" href=\"data:,\">"));
        assert_non_null(strstr(html, "<meta name=\"referrer\" content=\"no-referrer\">"));
        assert_non_null(strstr(html, "<meta name=\"color-scheme\" content=\"light dark\">"));
        free(html);
    }
    assert_non_null(strstr(page_csp(), "default-src 'none'"));
    assert_null(strstr(page_csp(), "script-src"));
}

static void a_publishers_logo_stands_beside_its_name_and_says_its_size(void **state)
{
    (void)state;
    static char name[] = "00112233445566778899aabbccddeeff.png", alt[] = "Lo \"stemma\" di Prato";
    struct publisher with = comune;
    const struct publisher *const one[] = {&with};
    struct page_view v = sample_view(PAGE_SPLASH, "it");
    v.publishers = one;
    with.logo = name;
    with.logo_alt = alt;
    has_not(&v, "<img"); /* named, but the picture is not there */
    with.logo_width = 96;
    with.logo_height = 64;
    char *html = render(&v);
    assert_non_null(strstr(
        html, "<img class=\"logo\" src=\"/logo/00112233445566778899aabbccddeeff.png\" alt=\"Lo "
              "&quot;stemma&quot; di Prato\" width=\"42\" height=\"28\"> <span class=\"pub "
              "c0066cc\">Comune di Prato"));
    keep("logo", "it", html);
    sound(html);
    free(html);
    with.logo_alt = NULL; /* the name says it: not twice to who listens */
    has(&v, "alt=\"\" width=");
    assert_non_null(strstr(page_csp(), "img-src 'self' data:;"));
}

static void the_splash_has_one_button_and_says_what_tapping_means(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_SPLASH, "it");
    v.login = PAGE_LOGIN_NONE;
    char *html = render(&v);
    assert_int_equal(count(html, "<button"), 1);
    assert_int_equal(count(html, "<form"), 1);
    assert_non_null(strstr(html, "<form method=\"post\" action=\"/join\">"));
    assert_non_null(strstr(html, "name=\"token\" value=\"dG9rZW4.token\""));
    assert_non_null(strstr(html, "name=\"terms\" value=\"2026-1\""));
    assert_non_null(strstr(html, "name=\"lang\" value=\"it\""));
    assert_non_null(strstr(html, ">Naviga gratis</button>"));
    assert_non_null(strstr(html, "accetti le <a href=\"/terms?lang=it\">condizioni d’uso</a>."));
    /* the button stands before the notices, and the notices have what a reader wants to know */
    assert_true(strstr(html, "<button") < strstr(html, "<details"));
    assert_non_null(strstr(html, "Acqua buona, gratis, a pochi passi"));
    assert_non_null(strstr(html, ">Publiacqua</span>"));
    assert_non_null(strstr(html, "Fino a martedì 31 dicembre 2030"));
    assert_non_null(strstr(html, "href=\"https://www.publiacqua.it/\">Continua su publiacqua.it"));
    assert_non_null(strstr(html, "href=\"tel:116117\">Chiama 116117"));
    free(html);
    v = sample_view(PAGE_SPLASH, "en");
    has(&v, ">Go online</button>");
    v = sample_view(PAGE_SPLASH, "zh-hans");
    has(&v, ">免费上网</button>");
    has(&v, "有效期至 2030年12月31日 星期二");
}

static void an_emergency_stands_above_the_button(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_SPLASH, "it");
    v.n_notices = notice_select(samples, "piazza-duomo", 1762100000, true, chosen, 20);
    char *html = render(&v);
    const char *alert = strstr(html, "role=\"alert\"");
    assert_non_null(alert);
    assert_true(alert < strstr(html, "<button"));
    assert_non_null(strstr(alert, "Allerta arancione per temporali forti"));
    assert_int_equal(count(html, "Allerta arancione"), 1); /* not once more in the list */
    keep("emergency", "it", html);
    free(html);
    v.kind = PAGE_DENIED; /* those who may not connect are warned as well */
    has(&v, "Allerta arancione");
    v.kind = PAGE_NEWS;
    html = render(&v);
    assert_int_equal(count(html, "Allerta arancione"), 1);
    free(html);
}

static void a_long_emergency_does_not_push_the_button_away(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct notice_text t = {.lang = "it", .title = (char *)(uintptr_t) "Piena", .markdown = text};
    struct notice n = {.id = (char *)(uintptr_t) "piena",
                       .publisher = (char *)(uintptr_t) "PC",
                       .until = SOME_DAY,
                       .priority = NOTICE_EMERGENCY,
                       .texts = &t,
                       .n_texts = 1};
    const struct notice *one = &n;
    struct page_view v = sample_view(PAGE_SPLASH, "it");
    v.notices = &one;
    v.n_notices = 1;
    char *html = render(&v);
    assert_non_null(strstr(html, "<a class=\"more\" href=\"#n-piena\">Leggi tutto</a>"));
    assert_non_null(strstr(html, "id=\"n-piena\""));
    assert_true(strstr(html, "<button") < strstr(html, "xxxx"));
    free(html);
}

static void a_notice_in_another_language_says_so_to_screen_readers(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_SPLASH, "zh-hans");
    /* the Provincia's open days have no Chinese text: English stands in */
    has(&v, "<h3 lang=\"en\">Secondary schools: open days</h3>");
    has(&v, "<h3>电子身份证：请在线预约</h3>");
    struct notice_text t = {
        .lang = "ur", .title = (char *)(uintptr_t) "خبر", .markdown = (char *)(uintptr_t) "متن"};
    struct notice n = {.id = (char *)(uintptr_t) "u",
                       .publisher = (char *)(uintptr_t) "P",
                       .until = SOME_DAY,
                       .texts = &t,
                       .n_texts = 1};
    const struct notice *one = &n;
    v.notices = &one;
    v.n_notices = 1;
    has(&v, "<h3 lang=\"ur\" dir=\"rtl\">خبر</h3>");
}

static void languages_can_be_chosen_by_their_own_names(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_NEWS, "it");
    has(&v, "<a href=\"/news?lang=en\" hreflang=\"en\" lang=\"en\" dir=\"ltr\">English</a>");
    has(&v, "<a href=\"/news?lang=zh-hans\" hreflang=\"zh-hans\" lang=\"zh-hans\" "
            "dir=\"ltr\">中文</a>");
    has(&v, "<span aria-current=\"true\">Italiano</span>");
    v.lang = "xx"; /* a language that is not there: Italian */
    has(&v, "<html lang=\"it\"");
}

static void those_online_read_for_how_long_and_what_leaving_means(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_ONLINE, "it");
    char *html = render(&v);
    assert_non_null(strstr(html, "<h1>Sei online</h1>"));
    assert_non_null(strstr(html, "Tempo rimanente: <span>2 ore e 5 minuti</span>"));
    assert_non_null(strstr(html, "fino a 5 Mbit/s in download e 1,5 Mbit/s in upload"));
    assert_non_null(strstr(html, "123 MB su 300 MB"));
    assert_non_null(strstr(html, "value=\"41\""));
    assert_non_null(strstr(html, "action=\"/leave\""));
    assert_non_null(strstr(html, "action=\"/forget\""));
    assert_int_equal(count(html, "<button"), 2);
    assert_int_equal(count(html, "name=\"token\" value=\"dG9rZW4.token\""), 2);
    assert_non_null(strstr(html, "wifi.prato.example"));
    free(html);
    v.lang = "en";
    has(&v, "Time left: <span>2 hours 5 minutes</span>");
    v.lang = "zh-hans";
    has(&v, "剩余时间：<span>2 小时 5 分钟</span>");
    v.remaining_s = v.quota_bytes = v.used_bytes = v.up_Bps = v.down_Bps = 0;
    has_not(&v, "剩余时间");
    has_not(&v, "<dl");
}

static void times_are_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *lang;
        uint64_t s;
        const char *expected;
    } cases[] = {
        {"en", 0, "less than a minute"},
        {"en", 59, "less than a minute"},
        {"en", 60, "1 minute"},
        {"en", 3599, "59 minutes"},
        {"en", 3600, "1 hour"},
        {"en", 7260, "2 hours 1 minute"},
        {"en", 86400, "1 day"},
        {"en", 90000, "1 day 1 hour"},
        {"en", 200000, "2 days 7 hours"},
        {"it", 3660, "1 ora e 1 minuto"},
        {"it", 30, "meno di un minuto"},
        {"zh-hans", 7500, "2 小时 5 分钟"},
        {"en", UINT64_MAX, "213503982334601 days 7 hours"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        buf_init(&b, 200);
        page_duration(&b, i18n, cases[i].lang, cases[i].s);
        assert_string_equal(b.data, cases[i].expected);
        buf_free(&b);
    }
}

static void the_refused_are_told_why_and_find_no_button(void **state)
{
    (void)state;
    const char *const *tags;
    size_t n = i18n_languages(i18n, &tags);
    struct page_view v = sample_view(PAGE_DENIED, "it");
    v.reason = "suspended";
    has(&v, "L’accesso è stato sospeso");
    has(&v, "Ufficio relazioni con il pubblico");
    v.contact = "urp@comune.example, 0574 1";
    has(&v, "contatta: urp@comune.example, 0574 1");
    for (size_t i = 0; i < n; i++) {
        v.lang = tags[i];
        has_not(&v, "<button");
        has_not(&v, "<form");
        has_not(&v, "class=\"btn\"");
    }
    v.reason = "come to <b>the</b> office";
    has(&v, "come to &lt;b&gt;the&lt;/b&gt; office");
    v.reason = NULL;
    v.lang = "en";
    has(&v, "does not let it in");
}

static void every_error_has_words_and_a_code(void **state)
{
    (void)state;
    static const enum page_error errors[] = {
        PAGE_E_NO_DEVICE, PAGE_E_TOKEN, PAGE_E_NOT_FOUND,   PAGE_E_BAD_REQUEST,
        PAGE_E_LOGIN,     PAGE_E_TRIES, PAGE_E_CENTRE_DOWN, PAGE_E_REFUSED,
        PAGE_E_GATE_DOWN, PAGE_E_FULL,  PAGE_E_UPLINK_DOWN, PAGE_E_INTERNAL};
    char code[8];
    const char *what, *mend;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct page_view v = sample_view(PAGE_ERROR, "it");
        v.error = errors[i];
        has(&v, page_error_code(errors[i], code));
        assert_true(page_error_explain(code, &what, &mend));
        assert_true(strlen(what) > 20 && strlen(mend) > 10);
        v.kind = PAGE_SPLASH;
        has(&v, code); /* as a note; the button is still there */
        has(&v, "<button");
    }
    assert_string_equal(page_error_code(PAGE_E_TOKEN, code), "LG-102");
    assert_true(page_error_explain("lg-102", &what, &mend));
    assert_false(page_error_explain("LG-999", &what, &mend));
    assert_false(page_error_explain("", &what, &mend));
    struct page_view v = sample_view(PAGE_ERROR, "it");
    v.error = PAGE_E_NO_DEVICE;
    has(&v, "alla rete Prato Wi-Fi,");
}

static void terms_and_privacy_are_there_without_any_file(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_TERMS, "it");
    has(&v, "<h2>Che cosa ti chiediamo</h2>");
    has(&v, "nella pagina <a href=\"/privacy?lang=it\">Privacy</a>");
    has(&v, "Versione: 2026-1");
    has(&v, "id=\"accessibility\"");
    v.terms = "# Regole\n\nSii *gentile*. <script>x</script>";
    has(&v, "<h2>Regole</h2>\n<p>Sii <em>gentile</em>. x</p>");
    has_not(&v, "Che cosa ti chiediamo");
    v.accessibility_url = "https://form.agid.gov.it/view/x";
    has(&v, "href=\"https://form.agid.gov.it/view/x\"");
    v.accessibility_url = "javascript:alert(1)";
    has_not(&v, "javascript:");
    v.kind = PAGE_PRIVACY;
    has(&v, "pseudonimo");
}

static void the_privacy_page_says_what_is_true_here_and_nothing_else(void **state)
{
    (void)state;
    struct page_privacy f = sample_privacy;
    struct page_view v = sample_view(PAGE_PRIVACY, "en");
    v.privacy = &f;
    has(&v, "The data controller is Comune di Prato.");
    has(&v, "erased after 180 days");
    has(&v, "noted every 5 minutes");
    has(&v, "At most 2 hours for a visitor");
    has(&v, "after 30 minutes without traffic");
    has(&v, "directories of the federated administrations");
    has(&v, "If you use an old account");
    has_not(&v, "detailed log");
    has_not(&v, "counted as a sum");
    f.counted = true;
    has(&v, "counted as a sum for each square, hour and language");
    f.old_accounts = false;
    has_not(&v, "old account");
    f.detailed_log = true;
    has(&v, "in its log in clear");
    f = (struct page_privacy){.session_s = 3600, .pass_s = 30 * 86400};
    has(&v, "Only this router knows it");
    has(&v, "remembers your device for 30 days");
    has_not(&v, "directories");
    has_not(&v, "city&#39;s archive");
    has_not(&v, "erased after");
    has_not(&v, "controller is");
    has_not(&v, "without traffic");
    f.controller = "<b>";
    has(&v, "controller is &lt;b&gt;.");
}

static void the_last_password_form_is_there_only_where_it_is_safe(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_SPLASH, "en");
    has(&v, "<details class=\"login\"><summary><h2>I have an old account</h2>");
    has(&v, "action=\"/login\"");
    has(&v, "autocomplete=\"username\"");
    has(&v, "type=\"password\" autocomplete=\"current-password\"");
    v.error = PAGE_E_LOGIN;
    has(&v, "<details class=\"login\" open>");
    has(&v, "role=\"alert\"");
    v.error = PAGE_E_NONE;
    v.login = PAGE_LOGIN_LINK;
    has_not(&v, "/login");
    has_not(&v, "type=\"password\"");
    has(&v, "href=\"https://wifi.prato.example/?lang=en\"");
    v.login = PAGE_LOGIN_NONE;
    has_not(&v, "old account");
}

static void nothing_from_outside_can_become_markup(void **state)
{
    (void)state;
    static const char evil[] = "\"><script>alert(1)</script><a onclick='x' \u202E{link}{n}%s%n";
    struct notice_text t = {
        .lang = "it", .title = (char *)(uintptr_t)evil, .markdown = (char *)(uintptr_t)evil};
    struct notice n = {.id = (char *)(uintptr_t)evil,
                       .publisher = (char *)(uintptr_t)evil,
                       .link = (char *)(uintptr_t) "javascript:alert(1)",
                       .until = INT64_MAX,
                       .priority = NOTICE_EMERGENCY,
                       .texts = &t,
                       .n_texts = 1};
    const struct notice *two[] = {&n, &n};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct page_view v = {.kind = kinds[k].kind,
                              .lang = "it",
                              .network = evil,
                              .zone_title = evil,
                              .portal_url = evil,
                              .path = "/\"><script>",
                              .notices = two,
                              .n_notices = 2,
                              .token = evil,
                              .terms_id = evil,
                              .terms = evil,
                              .reason = evil,
                              .contact = evil,
                              .accessibility_url = evil,
                              .error = PAGE_E_NO_DEVICE};
        char *html = render(&v);
        well_formed(html);
        assert_null(strstr(html, "<script"));
        assert_null(strstr(html, "<a onclick"));
        assert_null(strstr(html, "\u202E"));
        assert_null(strstr(html, "href=\"javascript"));
        free(html);
    }
}

static void an_empty_view_is_still_a_page(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct page_view v = {.kind = kinds[k].kind};
        char *html = render(&v);
        well_formed(html);
        free(html);
    }
}

/* Twenty notices of len bytes of the same trick. */
static void page_of_long_notices(enum page_kind kind, const char *trick, size_t len)
{
    static struct notice notices[PAGE_MAX_NOTICES];
    static struct notice_text texts[PAGE_MAX_NOTICES];
    static char ids[PAGE_MAX_NOTICES][8];
    char title[NOTICE_MAX_BYTES], *text = malloc(len + 1), *at = text;
    assert_non_null(text);
    while ((size_t)(at - text) + strlen(trick) <= len)
        at = stpcpy(at, trick);
    *at = '\0';
    memset(title, '&', 120);
    title[120] = '\0';
    for (size_t i = 0; i < PAGE_MAX_NOTICES; i++) {
        snprintf(ids[i], sizeof ids[i], "n%zu", i);
        texts[i] = (struct notice_text){.lang = "en", .title = title, .markdown = text};
        notices[i] = (struct notice){.id = ids[i],
                                     .publisher = title,
                                     .until = SOME_DAY,
                                     .priority = i < 5 ? NOTICE_EMERGENCY : NOTICE_INFO,
                                     .texts = &texts[i],
                                     .n_texts = 1};
        chosen[i] = &notices[i];
    }
    struct page_view v = sample_view(kind, "it");
    for (size_t i = 0; i < PAGE_MAX_NOTICES; i++)
        chosen[i] = &notices[i];
    v.n_notices = PAGE_MAX_NOTICES;
    char *html = render(&v);
    well_formed(html);
    assert_in_range(strlen(html), 1000, PAGE_MAX_BYTES);
    if (kind == PAGE_SPLASH && len > 1000) {
        assert_non_null(strstr(html, "<button"));
        assert_non_null(strstr(html, "<footer"));
        assert_non_null(strstr(html, "href=\"/news?lang=it"));
        assert_non_null(strstr(html, "id=\"n-n0\"")); /* the most urgent is never left out */
    }
    free(text);
    free(html);
}

static void twenty_long_notices_do_not_make_a_heavy_page(void **state)
{
    (void)state;
    static const char *const tricks[] = {"x", "parola ", "> ", "&", "- a\n", "**a** ", "\n\n# a\n"};
    static const size_t lens[] = {0, 700, 2000, 5000, 16000};
    for (size_t t = 0; t < sizeof tricks / sizeof *tricks; t++)
        for (size_t l = 0; l < sizeof lens / sizeof *lens; l++) {
            page_of_long_notices(PAGE_SPLASH, tricks[t], lens[l]);
            page_of_long_notices(PAGE_NEWS, tricks[t], lens[l]);
        }
}

static void more_notices_than_fit_are_counted_and_linked(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_SPLASH, "en");
    static struct notice_text t = {.lang = "en", .title = (char *)(uintptr_t) "T"};
    static char text[5200];
    memset(text, 'x', sizeof text - 1);
    t.markdown = text;
    struct notice n = {.id = (char *)(uintptr_t) "a",
                       .publisher = (char *)(uintptr_t) "P",
                       .until = SOME_DAY,
                       .texts = &t,
                       .n_texts = 1};
    const struct notice *many[26];
    for (size_t i = 0; i < 26; i++)
        many[i] = &n;
    v.notices = many;
    v.n_notices = 26;
    has(&v, "href=\"/news?lang=en\">6 more notices</a>"); /* headlines of 20, the rest is counted */
    v.n_notices = 21;
    has(&v, "href=\"/news?lang=en\">1 more notice</a>");
}

static void a_wrong_clock_is_admitted(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_SPLASH, "it");
    has_not(&v, "L’orologio");
    v.notices_stale_clock = true;
    has(&v, "L’orologio di questo punto di accesso non è ancora regolato");
}

static void the_last_day_is_the_day_the_editor_wrote(void **state)
{
    (void)state;
    char err[320];
    static const struct {
        const char *until, *expected;
    } cases[] = {{"2026-03-28", "Until Saturday 28 March 2026"},
                 {"2026-03-29", "Until Sunday 29 March 2026"},   /* summer time begins */
                 {"2026-10-25", "Until Sunday 25 October 2026"}, /* and ends */
                 {"2026-12-31 24:00", "Until Thursday 31 December 2026"},
                 {"2026-06-01 18:30", "Until 18:30 on Monday 1 June 2026"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "publisher: P\nzones: *\nuntil: %s\n--- en\n# T\n",
                 cases[i].until);
        struct notice *n = notice_parse("a", text, strlen(text), err, sizeof err);
        assert_non_null(n);
        const struct notice *one = n;
        struct page_view v = sample_view(PAGE_NEWS, "en");
        v.notices = &one;
        v.n_notices = 1;
        has(&v, cases[i].expected);
        notice_free(n);
    }
}

static void the_directory_stands_under_the_notices_one_link_a_card(void **state)
{
    (void)state;
    bool shown[PAGE_MAX_NOTICES] = {false};
    size_t services_shown = 0;
    struct page_view v = sample_view(PAGE_SPLASH, "en");
    v.shown = shown;
    v.count_taps = true;
    v.services_shown = &services_shown;
    char *html = render(&v);
    const char *news = strstr(html, "class=\"news\""), *svc = strstr(html, "class=\"svc\"");
    assert_true(news && svc && news < svc);
    assert_non_null(strstr(html, "<a href=\"/service/biblioteca?lang=en\">"));
    assert_non_null(strstr(html, "<b>Lazzerini library</b>"));
    assert_non_null(strstr(html, "<a href=\"tel:+390574000000\">")); /* never by way of us */
    assert_non_null(strstr(html, "<span lang=\"it\"><b>SUAP &lt;sportello&gt; &amp; imprese</b>"));
    assert_non_null(strstr(html, "<i>Italiano</i>"));
    assert_null(strstr(html, "https://suap.example")); /* taps are counted */
    assert_int_equal(services_shown, 3);
    for (size_t i = 0; i < v.n_notices; i++)
        assert_true(shown[i]);
    free(html);
    v.count_taps = false;
    html = render(&v);
    assert_non_null(strstr(html, "<a href=\"https://suap.example/?a=1&amp;b=2\">"));
    free(html);
}

static void a_publisher_keeps_its_colours_and_can_be_read(void **state)
{
    (void)state;
    struct page_view v = sample_view(PAGE_NEWS, "it");
    comune.colour = 0xFFDD00;
    char *html = render(&v);
    comune.colour = 0x0066CC;
    assert_non_null(strstr(html, "<span class=\"pub cffdd00\">Comune di Prato</span>"));
    assert_int_equal(count(html, ".cffdd00{background:#ffdd00;color:#000000}"), 1);
    free(html);
}

static void many_cards_leave_room_for_the_news(void **state)
{
    (void)state;
    const struct service *many[PAGE_MAX_SERVICES];
    size_t services_shown = 0;
    struct page_view v = sample_view(PAGE_SPLASH, "it");
    for (size_t i = 0; i < PAGE_MAX_SERVICES; i++)
        many[i] = cards[i % 3];
    v.services = many;
    v.n_services = PAGE_MAX_SERVICES;
    v.services_shown = &services_shown;
    char *html = render(&v);
    assert_in_range(strlen(html), 1000, PAGE_MAX_BYTES);
    assert_int_equal(services_shown, PAGE_FEW_SERVICES);
    assert_non_null(strstr(html, "Altri 38 servizi"));
    assert_non_null(strstr(html, "class=\"news\""));
    free(html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_is_sound_in_every_language),
        cmocka_unit_test(nothing_is_fetched_from_elsewhere),
        cmocka_unit_test(a_publishers_logo_stands_beside_its_name_and_says_its_size),
        cmocka_unit_test(the_splash_has_one_button_and_says_what_tapping_means),
        cmocka_unit_test(an_emergency_stands_above_the_button),
        cmocka_unit_test(a_long_emergency_does_not_push_the_button_away),
        cmocka_unit_test(a_notice_in_another_language_says_so_to_screen_readers),
        cmocka_unit_test(languages_can_be_chosen_by_their_own_names),
        cmocka_unit_test(those_online_read_for_how_long_and_what_leaving_means),
        cmocka_unit_test(times_are_told_in_words),
        cmocka_unit_test(the_refused_are_told_why_and_find_no_button),
        cmocka_unit_test(every_error_has_words_and_a_code),
        cmocka_unit_test(terms_and_privacy_are_there_without_any_file),
        cmocka_unit_test(nothing_from_outside_can_become_markup),
        cmocka_unit_test(an_empty_view_is_still_a_page),
        cmocka_unit_test(twenty_long_notices_do_not_make_a_heavy_page),
        cmocka_unit_test(more_notices_than_fit_are_counted_and_linked),
        cmocka_unit_test(the_privacy_page_says_what_is_true_here_and_nothing_else),
        cmocka_unit_test(the_last_password_form_is_there_only_where_it_is_safe),
        cmocka_unit_test(a_wrong_clock_is_admitted),
        cmocka_unit_test(the_last_day_is_the_day_the_editor_wrote),
        cmocka_unit_test(the_directory_stands_under_the_notices_one_link_a_card),
        cmocka_unit_test(a_publisher_keeps_its_colours_and_can_be_read),
        cmocka_unit_test(many_cards_leave_room_for_the_news),
    };
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    log_open("test", LOG_CRIT);
    return cmocka_run_group_tests(tests, load, unload);
}
