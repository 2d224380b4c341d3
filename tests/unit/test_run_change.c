/* Which configurations can follow one that runs. */
#include "config_help.h"
#include "run_change.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char why[300];

static bool follows(const char *now_text, const char *next_text)
{
    struct config_loaded *now = config_taken(now_text), *next = config_taken(next_text);
    why[0] = '\0';
    bool fits = run_change_fits(now->config, next->config, why);
    config_free(now);
    config_free(next);
    cr_assert(fits != (why[0] != '\0'), "%s", why);
    return fits;
}

Test(run_change, contracts_windows_and_new_topics_can)
{
    cr_assert(
        follows("kafka: {topics: {a: call}}\ntasks: 8\nclients: {x: {timezone: UTC}}\n",
                "kafka: {topics: {a: call, b: any}}\ntasks: 8\n"
                "clients: {x: {timezone: Europe/Berlin}, y: {}}\nwindows: {interval: [1h]}\n"));
}

Test(run_change, tasks_and_how_the_input_is_keyed_cannot)
{
    cr_assert_not(follows("tasks: 8\n", "tasks: 16\n"));
    cr_assert(strstr(why, "tasks: 8 cannot become 16"), "%s", why);
    cr_assert_not(follows("kafka: {keyed_by: any}\n", "kafka: {keyed_by: client}\n"));
    cr_assert(strstr(why, "kafka.keyed_by"), "%s", why);
    cr_assert_not(follows("kafka: {keyed_by: client}\n", "kafka: {keyed_by: any}\n"));
}

Test(run_change, a_topic_that_was_read_cannot_go_but_with_another_group)
{
    static const char now[] = "kafka: {group: g, topics: {a: call, b: any}}\n";
    cr_assert_not(follows(now, "kafka: {group: g, topics: {a: call}}\n"));
    cr_assert(strstr(why, "kafka.topics: b is missing"), "%s", why);
    cr_assert(follows(now, "kafka: {group: h, topics: {a: call}}\n"));
}

Test(run_change, the_key_of_the_pseudonyms_cannot)
{
    FILE *file = fopen("pseudonym_key.test", "w");
    cr_assert_not_null(file);
    fputs("c2l4dGVlbiBieXRlcyBhcmUgZW5vdWdoIQ==\n", file);
    fclose(file);
    chmod("pseudonym_key.test", 0600);
    static const char with[] = "privacy: {pseudonym_key: {file: pseudonym_key.test}}\n";
    bool same = follows(with, with), more = follows("tasks: 64\n", with),
         less = follows(with, "tasks: 64\n");
    remove("pseudonym_key.test");
    cr_assert(same);
    cr_assert_not(more);
    cr_assert_not(less);
    cr_assert(strstr(why, "privacy.pseudonym_key"), "%s", why);
}
