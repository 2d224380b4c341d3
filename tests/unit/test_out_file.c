#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const source_names[] = {"first.ndjson", "dir/second \"2\".ndjson"};

static struct sink_output open_output(struct sink_file_options options)
{
    struct sink_output output;
    char message[256] = "";
    if (!options.config)
        options.config = fixture_config();
    options.source_name = source_names;
    cr_assert_eq(sink_file_open(&options, &output, message), RC_OK, "%s", message);
    return output;
}

static const char *read_fd(int fd)
{
    static char text[1 << 16];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = 0;
    return text;
}

static const char *read_file(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0, "%s", path);
    const char *text = read_fd(fd);
    close(fd);
    return text;
}

static bool exists(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void remove_all(const char *dir)
{
    static const char *const names[] = {"metrics", "slas", "contacts", "alerts", "dead_letter"};
    for (int i = 0; i < 5; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s.ndjson", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static const char *new_dir(void)
{
    static char dir[64];
    snprintf(dir, sizeof dir, "/tmp/rollcall-out-XXXXXX");
    cr_assert(mkdtemp(dir));
    return dir;
}

static void put(struct sink_output *output, const char *client, const char *queue, uint32_t window)
{
    struct rc_record *rec = fixture_record(client, queue, window, 0, 1);
    cr_assert_eq(output->record(output->self, rec), RC_OK);
    free(rec);
}

static void put_dead(struct sink_output *output, uint32_t source, int64_t line, const char *reason,
                     const char *value, uint32_t size)
{
    struct rc_dead_letter *dead = fixture_dead(source, line, reason, value, size);
    cr_assert_eq(output->dead_letter(output->self, dead), RC_OK);
    free(dead);
}

static void finish(struct sink_output *output)
{
    cr_assert_eq(output->epoch(output->self, &(struct sink_epoch){1, 1, NULL}), RC_OK);
    cr_assert_eq(output->finish(output->self), RC_OK);
    output->close(output->self);
}

static uint32_t count_lines(const char *text)
{
    uint32_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

Test(out_file, only_the_kinds_asked_for_go_to_the_descriptor)
{
    int fd = memfd_create("out", 0);
    struct sink_output output = open_output((struct sink_file_options){.fd = fd, .rolling = true});
    put(&output, "a", "q", 0);
    put(&output, "a", "q", 2);
    finish(&output);
    cr_assert_eq(count_lines(read_fd(fd)), 1);
    cr_assert(strstr(read_fd(fd), "\"window\":\"15m\""));
    close(fd);
}

Test(out_file, client_and_queue_narrow_what_is_written)
{
    int fd = memfd_create("out", 0);
    struct sink_output output = open_output(
        (struct sink_file_options){.fd = fd, .interval = true, .client = "acme", .queue = "*"});
    put(&output, "acme", "q", 2);
    put(&output, "acme", "*", 2);
    put(&output, "acm", "*", 2);
    put(&output, "acme2", "*", 2);
    finish(&output);
    cr_assert_eq(count_lines(read_fd(fd)), 1);
    close(fd);
}

Test(out_file, csv_begins_with_its_header_even_without_a_record)
{
    int fd = memfd_create("out", 0);
    struct sink_output output =
        open_output((struct sink_file_options){.fd = fd, .interval = true, .format = SINK_CSV});
    finish(&output);
    cr_assert_eq(strncmp(read_fd(fd), "client,queue,", 13), 0);
    close(fd);
}

Test(out_file, a_folder_gets_one_file_per_topic_when_all_is_complete)
{
    const char *dir = new_dir();
    struct sink_output output = open_output((struct sink_file_options){.dir = dir});
    put(&output, "a", "q", 0);
    put(&output, "a", "q", 2);
    cr_assert(!exists(dir, "metrics.ndjson"), "not before it is complete");
    finish(&output);
    cr_assert_eq(count_lines(read_file(dir, "metrics.ndjson")), 2);
    cr_assert_str_eq(read_file(dir, "slas.ndjson"), "");
    cr_assert_str_eq(read_file(dir, "contacts.ndjson"), "");
    cr_assert_str_eq(read_file(dir, "alerts.ndjson"), "");
    cr_assert_str_eq(read_file(dir, "dead_letter.ndjson"), "");
    remove_all(dir);
}

Test(out_file, what_was_not_completed_leaves_nothing_behind)
{
    const char *dir = new_dir();
    struct sink_output output = open_output((struct sink_file_options){.dir = dir});
    put(&output, "a", "q", 0);
    output.close(output.self);
    cr_assert_eq(rmdir(dir), 0, "the folder is empty");
}

Test(out_file, a_dead_letter_names_file_line_and_reason_and_keeps_the_value)
{
    const char *dir = new_dir();
    struct sink_output output = open_output((struct sink_file_options){.dir = dir});
    put_dead(&output, 0, 3, "invalid:time", "{\"a\":1}\0\xff", 9);
    finish(&output);
    cr_assert_str_eq(read_file(dir, "dead_letter.ndjson"),
                     "{\"file\":\"first.ndjson\",\"line\":3,\"reason\":\"invalid:time\","
                     "\"value\":\"{\\\"a\\\":1}\\u0000\xef\xbf\xbd\"}\n");
    remove_all(dir);
}

Test(out_file, values_are_left_out_where_the_configuration_says_so)
{
    const char *dir = new_dir();
    struct rc_config config = *fixture_config();
    config.privacy.dead_letter_values = false;
    struct sink_output output =
        open_output((struct sink_file_options){.dir = dir, .config = &config});
    put_dead(&output, 1, 3, "not_json", "secret", 6);
    finish(&output);
    cr_assert_str_eq(read_file(dir, "dead_letter.ndjson"),
                     "{\"file\":\"dir/second \\\"2\\\".ndjson\",\"line\":3,"
                     "\"reason\":\"not_json\"}\n");
    remove_all(dir);
}

Test(out_file, dead_letters_stand_by_file_and_line_whatever_epoch_they_came_in)
{
    const char *dir = new_dir();
    struct sink_output output = open_output((struct sink_file_options){.dir = dir});
    put_dead(&output, 1, 1, "not_json", "d", 1);
    put_dead(&output, 0, 2, "not_json", "b", 1);
    output.epoch(output.self, &(struct sink_epoch){1, 1, NULL});
    put_dead(&output, 0, 9, "not_json", "c", 1);
    put_dead(&output, 0, 1, "expired", "a", 1);
    put_dead(&output, 1, 2, "not_json", "e", 1);
    finish(&output);
    const char *at = read_file(dir, "dead_letter.ndjson");
    cr_assert_eq(count_lines(at), 5);
    for (const char *value = "abcde"; *value; value++) {
        char text[16];
        snprintf(text, sizeof text, "\"value\":\"%c\"", *value);
        at = strstr(at, text);
        cr_assert(at, "%s", text);
    }
    remove_all(dir);
}

Test(out_file, a_tombstone_is_no_line)
{
    int fd = memfd_create("out", 0);
    struct sink_output output = open_output((struct sink_file_options){.fd = fd, .rolling = true});
    struct rc_record *rec = fixture_record("a", "q", 0, 0, 1);
    rec->tombstone = 1;
    cr_assert_eq(output.record(output.self, rec), RC_OK);
    free(rec);
    finish(&output);
    cr_assert_str_eq(read_fd(fd), "");
    close(fd);
}

Test(out_file, a_full_disk_is_said_in_words)
{
    int fd = open("/dev/full", O_WRONLY);
    struct sink_output output = open_output((struct sink_file_options){.fd = fd, .rolling = true});
    put(&output, "a", "q", 0);
    cr_assert_eq(output.finish(output.self), RC_ERR_IO);
    cr_assert(strstr(output.message(output.self), "standard output: No space left on device"));
    output.close(output.self);
    close(fd);
}

Test(out_file, a_reader_that_has_gone_ends_the_run_quietly)
{
    int pipe_fd[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(pipe_fd), 0);
    close(pipe_fd[0]);
    struct sink_output output =
        open_output((struct sink_file_options){.fd = pipe_fd[1], .rolling = true});
    put(&output, "a", "q", 0);
    cr_assert_eq(output.finish(output.self), RC_ERR_END);
    cr_assert_str_eq(output.message(output.self), "");
    output.close(output.self);
    close(pipe_fd[1]);
}

Test(out_file, a_folder_that_cannot_be_made_is_named)
{
    struct sink_output output;
    char message[256] = "";
    struct sink_file_options options = {.config = fixture_config(), .dir = "/dev/null/x"};
    cr_assert_eq(sink_file_open(&options, &output, message), RC_ERR_IO);
    cr_assert(strstr(message, "/dev/null/x"), "%s", message);
}
