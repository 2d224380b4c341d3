/* Loading a configuration from a text, for tests. */
#ifndef CONFIG_HELP_H
#define CONFIG_HELP_H

#include "config_load.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* What is said about the text, NULL when it loads; free() it. */
static inline char *config_refusal(const char *text)
{
    struct config_loaded *loaded = NULL;
    char *said = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&said, &size);
    enum rc_error err = config_load_text("t.yaml", text, strlen(text), out, &loaded);
    fclose(out);
    if (err == RC_OK) {
        config_free(loaded);
        free(said);
        return NULL;
    }
    cr_assert_eq(err, RC_ERR_CONFIG);
    return said;
}

/* It is refused, and this stands in what is said. */
static inline void config_refused(const char *text, const char *expected)
{
    char *said = config_refusal(text);
    cr_assert_not_null(said, "is taken, and should not be:\n%s", text);
    cr_assert(strstr(said, expected) != NULL, "looked for: %s\nin:\n%s", expected, said);
    free(said);
}

static inline struct config_loaded *config_taken(const char *text)
{
    struct config_loaded *loaded = NULL;
    enum rc_error err = config_load_text("t.yaml", text, strlen(text), stderr, &loaded);
    cr_assert_eq(err, RC_OK, "is refused, and should not be:\n%s", text);
    return loaded;
}

#endif
