#include "feed_lines.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

static char path[] = "feed_lines_XXXXXX";

static void write_file(const char *bytes, size_t size)
{
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert(eq(sz, (size_t)write(fd, bytes, size), size));
    close(fd);
}

static void remove_file(void)
{
    unlink(path);
}

TestSuite(feed_lines, .fini = remove_file);

static int count_lines(size_t *ret_bytes, enum rc_error *ret_err)
{
    struct feed_lines *lines;
    char message[256], *line;
    size_t size;
    int count = 0;
    cr_assert(eq(int, feed_lines_open(path, &lines, message), RC_OK));
    *ret_bytes = 0;
    while (!(*ret_err = feed_lines_next(lines, &line, &size, message))) {
        line[size] = '\0';
        *ret_bytes += strlen(line);
        count++;
    }
    feed_lines_close(lines);
    return count;
}

Test(feed_lines, the_last_line_needs_no_newline)
{
    size_t bytes;
    enum rc_error err;
    write_file("one\n\nthree", 10);
    cr_assert(eq(int, count_lines(&bytes, &err), 3));
    cr_assert(eq(sz, bytes, 8));
    cr_assert(eq(int, err, RC_ERR_END));
}

Test(feed_lines, an_empty_file_has_none)
{
    size_t bytes;
    enum rc_error err;
    write_file("", 0);
    cr_assert(eq(int, count_lines(&bytes, &err), 0));
}

Test(feed_lines, a_line_may_be_longer_than_any_buffer)
{
    size_t bytes, size = 5000000;
    enum rc_error err;
    char *text = malloc(size);
    memset(text, 'x', size);
    text[9] = '\n';
    write_file(text, size);
    cr_assert(eq(int, count_lines(&bytes, &err), 2));
    cr_assert(eq(sz, bytes, size - 1));
    free(text);
}

Test(feed_lines, zstd_is_told_by_its_magic_number_and_frames_follow_each_other)
{
    size_t bytes, size = 300000, used = 0;
    enum rc_error err;
    char *text = malloc(size), *packed = malloc(2 * ZSTD_compressBound(size));
    for (size_t i = 0; i < size; i++)
        text[i] = i % 100 == 99 ? '\n' : (char)('a' + i * 7 % 26);
    for (int frame = 0; frame < 2; frame++)
        used += ZSTD_compress(packed + used, ZSTD_compressBound(size), text, size, 3);
    write_file(packed, used);
    cr_assert(eq(int, count_lines(&bytes, &err), 6000));
    cr_assert(eq(sz, bytes, 2 * 297000));
    cr_assert(eq(int, err, RC_ERR_END));
    free(text);
    free(packed);
}

Test(feed_lines, a_frame_that_is_cut_off_is_said)
{
    size_t bytes;
    enum rc_error err;
    char text[1000], packed[2000];
    memset(text, 'y', sizeof text);
    size_t used = ZSTD_compress(packed, sizeof packed, text, sizeof text, 3);
    write_file(packed, used - 4);
    count_lines(&bytes, &err);
    cr_assert(eq(int, err, RC_ERR_IO));
}

Test(feed_lines, a_missing_file_is_said)
{
    struct feed_lines *lines;
    char message[256];
    cr_assert(eq(int, feed_lines_open("no/such/file", &lines, message), RC_ERR_IO));
    cr_assert(not(eq(ptr, strstr(message, "No such file"), NULL)));
}
