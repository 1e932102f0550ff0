/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The splash page's form, and the token in it. */
#include "lib/form.h"
#include "portal/redirect.h"
#include "portal/token.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t key[TOKEN_KEY_LEN] = {7};
    static const struct mac mac = {{2, 0, 0, 0, 0, 1}};
    char *text = malloc(len + 1);
    memcpy(text, data, len);
    text[len] = '\0';
    char url[REDIRECT_MAX_URL];
    if (redirect_to_itself("example.org", text, url, sizeof url) && strpbrk(url, "\r\n"))
        abort();
    redirect_is_portal(text, "wifi.example");
    struct form form;
    form_decode(text, &form);
    const char *token = form_get(&form, "token");
    if (token_check(key, &mac, "1", 1000, token)) {
        /* only the one that was made: the seed holds it */
        char made[TOKEN_LEN];
        if (strlen(token) != sizeof made - 1)
            abort();
    }
    for (size_t i = 0; i < form.n; i++)
        if (form_get(&form, form.fields[i].name) == NULL)
            abort();
    free(text);
    return 0;
}
