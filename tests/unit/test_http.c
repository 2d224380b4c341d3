#include "http.h"
#include "sink_fixture.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server on a port of the system's choice, in a thread of its own. */
struct server {
    struct rc_config config;
    struct event_base *base;
    struct sink_table *table, *second; /* second: as of another task; NULL: there is none */
    struct sink_http *http;
    pthread_t thread;
    atomic_bool ready;
};

static void metrics(void *opaque, void *buffer)
{
    (void)opaque;
    evbuffer_add_printf(buffer, "# HELP rollcall_epochs_total Epochs.\n"
                                "# TYPE rollcall_epochs_total counter\n"
                                "rollcall_epochs_total 3\n");
}

static bool ready(void *opaque, char ret_reason[256])
{
    struct server *server = opaque;
    if (atomic_load_explicit(&server->ready, memory_order_relaxed))
        return true;
    snprintf(ret_reason, 256, "waits for \"Kafka\"");
    return false;
}

static void tables(void *opaque, void (*each)(void *to, struct sink_table *table), void *to)
{
    struct server *server = opaque;
    each(to, server->table);
    if (server->second)
        each(to, server->second);
}

static void *run(void *opaque)
{
    event_base_loop(((struct server *)opaque)->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static struct server *server_open(void)
{
    struct server *server = calloc(1, sizeof *server);
    char message[256] = "";
    evthread_use_pthreads();
    server->config = *fixture_config();
    server->config.http.listen = "127.0.0.1:0";
    server->base = event_base_new();
    cr_assert_eq(sink_table_open(&server->config.windows, &server->table), RC_OK);
    struct sink_http_options options = {.base = server->base,
                                        .config = &server->config,
                                        .source = {server, metrics, ready, tables}};
    cr_assert_eq(sink_http_open(&options, &server->http, message), RC_OK, "%s", message);
    pthread_create(&server->thread, NULL, run, server);
    return server;
}

static void server_close(struct server *server)
{
    event_base_loopexit(server->base, NULL); /* counts even when the loop has not begun yet */
    pthread_join(server->thread, NULL);
    sink_http_close(server->http);
    event_base_free(server->base);
    sink_table_close(server->table);
    if (server->second)
        sink_table_close(server->second);
    free(server);
    libevent_global_shutdown();
}

/* Sends as it is, and reads until the server closes. */
static const char *exchange(const struct server *server, const char *request)
{
    static char text[1 << 20];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_port(server->http)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    size_t used = 0;
    ssize_t got;
    while ((got = recv(fd, text + used, sizeof text - 1 - used, 0)) > 0)
        used += (size_t)got;
    text[used] = 0;
    close(fd);
    return text;
}

static const char *get(const struct server *server, const char *path, const char *headers)
{
    char request[1024];
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", path, headers);
    return exchange(server, request);
}

static int status(const char *response)
{
    int code = 0;
    sscanf(response, "HTTP/1.1 %d", &code);
    return code;
}

static const char *body(const char *response)
{
    const char *at = strstr(response, "\r\n\r\n");
    return at ? at + 4 : "";
}

static void put_into(struct sink_table *table, const char *client, const char *queue,
                     uint32_t window, int64_t now_ms)
{
    struct rc_record *rec = fixture_record(client, queue, window, 0, 1);
    sink_table_begin(table);
    sink_table_put(table, rec);
    sink_table_end(table, now_ms);
    free(rec);
}

static void put(struct server *server, const char *client, const char *queue, uint32_t window)
{
    put_into(server->table, client, queue, window, 1767603600000);
}

/* That it is there, and behind the one before. */
static const char *behind(const char *text, const char *what)
{
    const char *at = text ? strstr(text, what) : NULL;
    cr_assert_not_null(at, "no %s where it should be", what);
    return at;
}

Test(http, figures_of_several_tables_come_by_key)
{
    struct server *server = server_open();
    cr_assert_eq(sink_table_open(&server->config.windows, &server->second), RC_OK);
    put_into(server->table, "acme", "billing", 0, 1767603600000);
    put_into(server->table, "globex", "support", 0, 1767603600000);
    put_into(server->second, "initech", "sales", 0, 1767603500000);
    put_into(server->second, "aperture", "sales", 0, 1767603500000);
    const char *text = body(get(server, "/api/v1/figures", ""));
    const char *at = behind(text, "\"as_of_ms\":1767603500000");
    at = behind(at, "\"acme\"");
    at = behind(at, "\"aperture\"");
    at = behind(at, "\"globex\"");
    behind(at, "\"initech\"");
    text = body(get(server, "/metrics", ""));
    at = behind(text, "# TYPE rollcall_queue_waiting gauge");
    cr_assert_null(strstr(at + 1, "# TYPE rollcall_queue_waiting gauge"));
    behind(at, "client=\"acme\"");
    behind(at, "client=\"aperture\"");
    server_close(server);
}

Test(http, healthz_answers_as_long_as_the_loop_runs)
{
    struct server *server = server_open();
    const char *response = get(server, "/healthz", "");
    cr_assert_eq(status(response), 200);
    cr_assert_str_eq(body(response), "{\"status\":\"ok\"}\n");
    server_close(server);
}

Test(http, readyz_says_why_it_is_not_ready)
{
    struct server *server = server_open();
    const char *response = get(server, "/readyz", "");
    cr_assert_eq(status(response), 503);
    cr_assert_str_eq(body(response), "{\"ready\":false,\"reason\":\"waits for \\\"Kafka\\\"\"}\n");
    atomic_store_explicit(&server->ready, true, memory_order_relaxed);
    response = get(server, "/readyz", "");
    cr_assert_eq(status(response), 200);
    cr_assert_str_eq(body(response), "{\"ready\":true}\n");
    server_close(server);
}

Test(http, who_asks_for_openmetrics_gets_it)
{
    struct server *server = server_open();
    put(server, "acme", "q", 0);
    const char *response =
        get(server, "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    cr_assert_eq(status(response), 200);
    cr_assert(strstr(response,
                     "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"));
    cr_assert(strstr(response, "\n# TYPE rollcall_epochs counter\nrollcall_epochs_total 3\n"));
    cr_assert(strstr(response, "\nrollcall_queue_waiting{client=\"acme\""));
    cr_assert_str_eq(response + strlen(response) - 7, "\n# EOF\n");
    server_close(server);
}

Test(http, who_does_not_gets_the_older_text_that_promtool_reads)
{
    struct server *server = server_open();
    put(server, "acme", "q", 0);
    put(server, "acme", "q", 2);
    const char *response = get(server, "/metrics", "");
    cr_assert(strstr(response, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    cr_assert(strstr(response, "\n# TYPE rollcall_epochs_total counter\n"));
    if (access("/usr/bin/promtool", X_OK) == 0) {
        FILE *promtool = popen("/usr/bin/promtool check metrics 2>&1", "w");
        cr_assert(promtool);
        fputs(body(response), promtool);
        cr_assert_eq(pclose(promtool), 0);
    }
    server_close(server);
}

static size_t figures(struct server *server, const char *query)
{
    char path[256];
    snprintf(path, sizeof path, "/api/v1/figures%s", query);
    const char *response = get(server, path, "");
    cr_assert_eq(status(response), 200, "%s", response);
    json_t *reply = json_loads(body(response), JSON_REJECT_DUPLICATES, NULL);
    cr_assert(reply, "%s", response);
    cr_assert_eq(json_integer_value(json_object_get(reply, "as_of_ms")), 1767603600000);
    size_t count = json_array_size(json_object_get(reply, "records"));
    json_decref(reply);
    return count;
}

Test(http, figures_are_narrowed_by_client_queue_channel_and_window)
{
    struct server *server = server_open();
    put(server, "acme", "a b", 0);
    put(server, "acme", "*", 0);
    put(server, "acme", "*", 2);
    put(server, "bolt", "*", 2);
    cr_assert_eq(figures(server, ""), 4);
    cr_assert_eq(figures(server, "?client=acme"), 3);
    cr_assert_eq(figures(server, "?queue=a%20b"), 1);
    cr_assert_eq(figures(server, "?queue=*&client=acme"), 2);
    cr_assert_eq(figures(server, "?window=30m"), 2);
    cr_assert_eq(figures(server, "?channel=call"), 4);
    cr_assert_eq(figures(server, "?channel=chat"), 0);
    cr_assert_eq(figures(server, "?client=nobody"), 0);
    server_close(server);
}

Test(http, before_the_first_epoch_figures_are_empty_and_as_of_is_null)
{
    struct server *server = server_open();
    const char *response = get(server, "/api/v1/figures", "");
    cr_assert_str_eq(body(response), "{\"as_of_ms\":null,\"records\":[\n],\"left_off\":0}\n");
    server_close(server);
}

Test(http, a_large_reply_is_complete_up_to_its_limit)
{
    struct server *server = server_open();
    for (int i = 0; i < 300; i++) {
        char queue[16];
        snprintf(queue, sizeof queue, "q%d", i);
        put(server, "acme", queue, 0);
    }
    cr_assert_eq(figures(server, ""), 300);
    server_close(server);
}

Test(http, a_wrong_parameter_is_named)
{
    struct server *server = server_open();
    const char *response = get(server, "/api/v1/figures?windw=15m", "");
    cr_assert_eq(status(response), 400);
    cr_assert(strstr(body(response), "\"found\":\"windw\""));
    response = get(server, "/api/v1/figures?window=%22", "");
    cr_assert_eq(status(response), 400);
    cr_assert(strstr(body(response), "\"found\":\"\\\"\""), "%s", response);
    cr_assert_eq(status(get(server, "/api/v1/figures?channel=fax", "")), 400);
    server_close(server);
}

Test(http, what_is_not_there_is_404_and_what_is_not_read_is_405)
{
    struct server *server = server_open();
    const char *response = get(server, "/nothing", "");
    cr_assert_eq(status(response), 404);
    cr_assert_str_eq(body(response), "{\"error\":\"nothing here\",\"found\":\"/nothing\"}\n");
    response = exchange(server, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                                "Connection: close\r\n\r\nab");
    cr_assert_eq(status(response), 405);
    cr_assert(strstr(response, "Allow: GET, HEAD"));
    cr_assert_str_eq(body(response), "{\"error\":\"only GET and HEAD\"}\n");
    server_close(server);
}

Test(http, head_has_the_length_and_no_body)
{
    struct server *server = server_open();
    const char *response =
        exchange(server, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    cr_assert_eq(status(response), 200);
    cr_assert(strstr(response, "Content-Length: 16\r\n"), "%s", response);
    cr_assert_str_eq(body(response), "");
    server_close(server);
}

Test(http, headers_and_bodies_without_end_are_refused)
{
    struct server *server = server_open();
    char *request = malloc(64 << 10);
    int size = snprintf(request, 64 << 10, "GET /healthz HTTP/1.1\r\nX: ");
    memset(request + size, 'x', 40 << 10);
    memcpy(request + size + (40 << 10), "\r\n\r\n", 5);
    cr_assert_neq(status(exchange(server, request)), 200);
    cr_assert_eq(status(exchange(server, "POST /healthz HTTP/1.1\r\nHost: x\r\n"
                                         "Content-Length: 1000000\r\nConnection: close\r\n\r\n")),
                 413);
    free(request);
    server_close(server);
}

Test(http, a_port_that_is_taken_is_a_clear_message)
{
    struct server *server = server_open();
    struct rc_config config = server->config;
    char listen[32], message[256] = "";
    snprintf(listen, sizeof listen, "127.0.0.1:%u", http_port(server->http));
    config.http.listen = listen;
    struct sink_http *second;
    struct sink_http_options options = {.base = server->base, .config = &config};
    cr_assert_eq(sink_http_open(&options, &second, message), RC_ERR_IO);
    cr_assert(strstr(message, listen) && strstr(message, "Address already in use"), "%s", message);
    config.http.listen = "nonsense";
    cr_assert_eq(sink_http_open(&options, &second, message), RC_ERR_CONFIG);
    server_close(server);
}
