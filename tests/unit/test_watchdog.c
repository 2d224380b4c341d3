#include "watchdog.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct watchdog *watchdog;
static int manager = -1;
static uint32_t shard;

static void close_all(void)
{
    watchdog_close(watchdog);
    if (manager >= 0)
        close(manager);
}

TestSuite(watchdog, .fini = close_all);

/* What a service manager gives: a socket in the abstract namespace, and a timeout. */
static void manage(const char *timeout_us)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    int size = snprintf(name, sizeof name, "@rollcall-watchdog-%d", (int)getpid());
    memcpy(address.sun_path, name, (size_t)size);
    address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    cr_assert_eq(bind(manager, (struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size)),
                 0);
    setenv("NOTIFY_SOCKET", name, 1);
    if (timeout_us)
        setenv("WATCHDOG_USEC", timeout_us, 1);
}

/* The next state that the manager was told, "": none. */
static const char *told(void)
{
    static char text[100];
    ssize_t size = recv(manager, text, sizeof text - 1, MSG_DONTWAIT);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void open_two(void)
{
    cr_assert_eq(watchdog_open("shard", 2, &watchdog), RC_OK);
}

static void look(uint64_t first, uint64_t second, int64_t now_ms)
{
    watchdog_look(watchdog, 0, first, now_ms);
    watchdog_look(watchdog, 1, second, now_ms);
}

Test(watchdog, the_slowest_shard_is_the_one_that_did_not_go_round_for_longest)
{
    open_two();
    look(1, 1, 1000);
    look(2, 1, 2000);
    look(3, 1, 3500);
    cr_assert_eq(watchdog_slowest(watchdog, 4000, &shard), 3000);
    cr_assert_eq(shard, 1);
    look(3, 2, 4100);
    cr_assert_eq(watchdog_slowest(watchdog, 4200, &shard), 700);
    cr_assert_eq(shard, 0);
}

Test(watchdog, shards_that_do_not_run_yet_are_well)
{
    open_two();
    look(0, 0, 1000);
    look(0, 0, 900000);
    cr_assert_eq(watchdog_slowest(watchdog, 900000, &shard), 0);
}

Test(watchdog, the_slowest_shard_feeds_it)
{
    manage("20000000");
    open_two();
    look(1, 1, 1000);
    watchdog_feed(watchdog, 1000);
    cr_assert_str_eq(told(), "READY=1");
    cr_assert_str_eq(told(), "WATCHDOG=1");
    look(2, 1, 10000);
    watchdog_feed(watchdog, 10000);
    cr_assert_str_eq(told(), "WATCHDOG=1", "half of the time is not over");
    look(3, 1, 12000);
    watchdog_feed(watchdog, 12000);
    cr_assert_str_eq(told(), "", "one that moves does not feed for another");
    look(4, 2, 13000);
    watchdog_feed(watchdog, 13000);
    cr_assert_str_eq(told(), "WATCHDOG=1");
    watchdog_stopping(watchdog);
    cr_assert_str_eq(told(), "STOPPING=1");
}

Test(watchdog, a_timeout_for_another_process_is_not_ours)
{
    manage("20000000");
    setenv("WATCHDOG_PID", "1", 1);
    open_two();
    look(1, 1, 1000);
    watchdog_feed(watchdog, 1000);
    cr_assert_str_eq(told(), "READY=1");
    cr_assert_str_eq(told(), "");
}

Test(watchdog, says_once_that_a_shard_stands_still_and_once_that_it_moves)
{
    char line[200];
    open_two();
    look(1, 1, 1000);
    look(2, 1, 10000);
    cr_assert_not(watchdog_news(watchdog, 10000, line));
    look(3, 1, 11000);
    cr_assert(watchdog_news(watchdog, 11000, line));
    cr_assert_str_eq(line, "warning: shard 1 has been at one piece of work for 10 s");
    cr_assert_not(watchdog_news(watchdog, 12000, line));
    look(4, 2, 13000);
    cr_assert(watchdog_news(watchdog, 13000, line));
    cr_assert_str_eq(line, "all shards move again");
    cr_assert_not(watchdog_news(watchdog, 13000, line));
}

Test(watchdog, names_a_task_where_each_of_them_is_one)
{
    char line[200];
    cr_assert_eq(watchdog_open("task", 2, &watchdog), RC_OK);
    look(1, 1, 1000);
    look(1, 2, 11000);
    cr_assert(watchdog_news(watchdog, 11000, line));
    cr_assert_str_eq(line, "warning: task 0 has been at one piece of work for 10 s");
    look(2, 3, 12000);
    cr_assert(watchdog_news(watchdog, 12000, line));
    cr_assert_str_eq(line, "all tasks move again");
}

Test(watchdog, without_a_service_manager_it_only_watches)
{
    open_two();
    look(1, 1, 1000);
    watchdog_feed(watchdog, 1000);
    watchdog_stopping(watchdog);
    cr_assert_eq(watchdog_slowest(watchdog, 1500, &shard), 500);
}
