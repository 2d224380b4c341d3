#include "out_buffer.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

Test(out_buffer, what_is_put_arrives_in_order_after_a_flush)
{
    int fd = memfd_create("out", 0);
    struct out_buffer buffer;
    char text[8] = "";
    cr_assert_eq(out_buffer_init(&buffer, fd), RC_OK);
    out_buffer_put(&buffer, "abc", 3);
    out_buffer_put(&buffer, "def", 3);
    cr_assert_eq(lseek(fd, 0, SEEK_END), 0, "nothing is written before");
    cr_assert_eq(out_buffer_flush(&buffer), RC_OK);
    cr_assert_eq(pread(fd, text, 7, 0), 6);
    cr_assert_str_eq(text, "abcdef");
    cr_assert_eq(buffer.written, 6);
    out_buffer_done(&buffer);
    close(fd);
}

Test(out_buffer, a_piece_larger_than_the_buffer_fits)
{
    int fd = memfd_create("out", 0);
    struct out_buffer buffer;
    uint64_t size = 5 << 20;
    char *piece = malloc(size), *back = malloc(size + 2);
    memset(piece, 'x', size);
    cr_assert_eq(out_buffer_init(&buffer, fd), RC_OK);
    out_buffer_put(&buffer, "a", 1);
    cr_assert_eq(out_buffer_put(&buffer, piece, size), RC_OK);
    out_buffer_put(&buffer, "b", 1);
    cr_assert_eq(out_buffer_flush(&buffer), RC_OK);
    cr_assert_eq(pread(fd, back, size + 2, 0), (ssize_t)size + 2);
    cr_assert(back[0] == 'a' && back[size + 1] == 'b' && !memcmp(back + 1, piece, size));
    free(piece);
    free(back);
    out_buffer_done(&buffer);
    close(fd);
}

Test(out_buffer, a_reader_that_has_gone_is_the_end_and_not_a_failure)
{
    int pipe_fd[2];
    struct out_buffer buffer;
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(pipe_fd), 0);
    close(pipe_fd[0]);
    cr_assert_eq(out_buffer_init(&buffer, pipe_fd[1]), RC_OK);
    out_buffer_put(&buffer, "abc", 3);
    cr_assert_eq(out_buffer_flush(&buffer), RC_ERR_END);
    cr_assert_eq(out_buffer_flush(&buffer), RC_ERR_END, "it stays so");
    out_buffer_done(&buffer);
    close(pipe_fd[1]);
}

Test(out_buffer, a_full_disk_is_an_error_that_keeps_its_cause)
{
    int fd = open("/dev/full", O_WRONLY);
    struct out_buffer buffer;
    cr_assert_eq(out_buffer_init(&buffer, fd), RC_OK);
    out_buffer_put(&buffer, "abc", 3);
    cr_assert_eq(out_buffer_flush(&buffer), RC_ERR_IO);
    cr_assert_eq(buffer.error, ENOSPC);
    out_buffer_done(&buffer);
    close(fd);
}
