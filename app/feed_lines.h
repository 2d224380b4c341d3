/* Lines of files, plain or zstd (told by the magic number, not the name), one after the other. */
#ifndef APP_FEED_LINES_H
#define APP_FEED_LINES_H

#include "rollcall/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_lines;
/* "-": standard input. IO: cannot be read, said in ret_message. */
enum rc_error feed_lines_open(const char *path, struct feed_lines **ret_lines,
                              char ret_message[256]);
/* END after the last; IO. The line, without its newline, is lent until the next call; one more
 * byte than its size may be written over. */
enum rc_error feed_lines_next(struct feed_lines *lines, char **ret_line, size_t *ret_size,
                              char ret_message[256]);
/* Of the file as it lies on disk; total 0: not known. */
void feed_lines_progress(const struct feed_lines *lines, uint64_t *ret_read, uint64_t *ret_total);
void feed_lines_close(struct feed_lines *lines);

#endif
