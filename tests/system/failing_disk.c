/* Preloaded into a process (LD_PRELOAD): a disk that fails to keep what it was given. FAILING_DISK
 * in the environment is a file that holds the names of the calls that fail with EIO, of fdatasync,
 * fsync and renameat, and may change at any time; with `hangs` among them fdatasync never ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As system calls, so that none of ours is asked again. */
static int fails(const char *call)
{
    char names[128];
    const char *path = getenv("FAILING_DISK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = fd < 0 ? 0 : read(fd, names, sizeof names - 1);
    if (fd >= 0)
        close(fd);
    names[size > 0 ? size : 0] = '\0';
    return strstr(names, call) != NULL; /* no name is in another one */
}

static int end(const char *call, long result)
{
    if (result != 0 || !fails(call))
        return (int)result;
    errno = EIO;
    return -1;
}

int fdatasync(int fd)
{
    while (fails("hangs"))
        usleep(100000);
    return end("fdatasync", syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
    return end("fsync", syscall(SYS_fsync, fd));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (fails("renameat")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}
