/* The HTTP side, on the main thread's loop: health, metrics, current figures. It reads copies and
 * atomics alone: a slow reader costs the core nothing. docs/http.md tells what is served. */
#include "http.h"
#include "openmetrics.h"
#include "record_text.h"
#include "text.h"
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

enum { HEADERS_MAX = 16 << 10, BODY_MAX = 4096, TIMEOUT_S = 30, QUERY_PARTS_MAX = 16 };

struct sink_http {
    struct sink_http_options options;
    struct evhttp *server;
    uint16_t port;
};

/* ---- replies ---- */

static void add_header(struct evhttp_request *request, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

static void reply(struct evhttp_request *request, int code, const char *reason,
                  const char *content_type, struct evbuffer *body)
{
    add_header(request, "Content-Type", content_type);
    add_header(request, "Cache-Control", "no-store");
    add_header(request, "X-Content-Type-Options", "nosniff");
    if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
        char size[24];
        snprintf(size, sizeof size, "%zu", evbuffer_get_length(body));
        add_header(request, "Content-Length", size);
        evbuffer_drain(body, evbuffer_get_length(body));
    }
    evhttp_send_reply(request, code, reason, body);
    evbuffer_free(body);
}

/* Messages are ours but for what was found, which is cut and escaped. */
static void reply_error(struct evhttp_request *request, int code, const char *reason,
                        const char *message, const char *found)
{
    char quoted[2 + 64 * TEXT_JSON_GROWTH + 1] = "";
    struct evbuffer *body = evbuffer_new();
    if (!body) {
        evhttp_send_error(request, 500, NULL);
        return;
    }
    if (found)
        *text_json(quoted, found, (uint32_t)strnlen(found, 64)) = 0;
    evbuffer_add_printf(body, "{\"error\":\"%s\"%s%s}\n", message, found ? ",\"found\":" : "",
                        quoted);
    reply(request, code, reason, "application/json", body);
}

static void reply_no_memory(struct evhttp_request *request)
{
    reply_error(request, 503, "Service Unavailable", "out of memory", NULL);
}

/* ---- health ---- */

static void serve_health(struct sink_http *http, struct evhttp_request *request)
{
    (void)http; /* that it answers is the answer */
    struct evbuffer *body = evbuffer_new();
    if (!body) {
        reply_no_memory(request);
        return;
    }
    evbuffer_add_printf(body, "{\"status\":\"ok\"}\n");
    reply(request, 200, "OK", "application/json", body);
}

static void serve_ready(struct sink_http *http, struct evhttp_request *request)
{
    const struct sink_http_source *source = &http->options.source;
    char why[256] = "", quoted[2 + 256 * TEXT_JSON_GROWTH + 1];
    bool ready = !source->ready || source->ready(source->opaque, why);
    struct evbuffer *body = evbuffer_new();
    if (!body) {
        reply_no_memory(request);
        return;
    }
    if (ready) {
        evbuffer_add_printf(body, "{\"ready\":true}\n");
        reply(request, 200, "OK", "application/json", body);
        return;
    }
    *text_json(quoted, why, (uint32_t)strnlen(why, sizeof why)) = 0;
    evbuffer_add_printf(body, "{\"ready\":false,\"reason\":%s}\n", quoted);
    reply(request, 503, "Service Unavailable", "application/json", body);
}

/* ---- tables ---- */

static bool has_tables(const struct sink_http *http)
{
    return http->options.table || http->options.source.tables;
}

static void each_table(void *opaque, void (*visit)(void *to, struct sink_table *table), void *to)
{
    const struct sink_http *http = opaque;
    if (http->options.table)
        visit(to, http->options.table);
    else if (http->options.source.tables)
        http->options.source.tables(http->options.source.opaque, visit, to);
}

/* ---- metrics ---- */

static void add_engine(struct sink_http *http, struct metrics_text *text)
{
    const struct sink_http_source *source = &http->options.source;
    struct evbuffer *engine = source->metrics ? evbuffer_new() : NULL;
    if (!engine)
        return;
    source->metrics(source->opaque, engine);
    size_t size = evbuffer_get_length(engine);
    const unsigned char *bytes = evbuffer_pullup(engine, -1);
    if (bytes)
        metrics_text_put(text, (const char *)bytes, size);
    evbuffer_free(engine);
}

/* Who asks for OpenMetrics by name gets it; others, curl and promtool among them, the older text
 * form with the same samples. */
static void serve_metrics(struct sink_http *http, struct evhttp_request *request)
{
    const char *accept = evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");
    bool open = accept && strstr(accept, "application/openmetrics-text");
    struct metrics_text text = {0}, translated = {0};
    add_engine(http, &text);
    const struct metrics_tables tables = {each_table, http};
    if (has_tables(http))
        metrics_business(&http->options.config->windows, &tables, METRICS_SERIES_MAX, &text);
    if (open)
        metrics_translate(text.bytes, text.used, &translated);
    struct metrics_text *shown = open ? &translated : &text;
    metrics_text_put(shown, "# EOF\n", 6);
    struct evbuffer *body = evbuffer_new();
    if (body && !text.failed && !shown->failed &&
        evbuffer_add(body, shown->bytes, shown->used) == 0) {
        reply(request, 200, "OK",
              open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                   : "text/plain; version=0.0.4; charset=utf-8",
              body);
    } else {
        if (body)
            evbuffer_free(body);
        reply_no_memory(request);
    }
    metrics_text_done(&text);
    metrics_text_done(&translated);
}

/* ---- figures ---- */

struct figures_query {
    const char *client, *queue; /* NULL: all */
    int channel;                /* -1: all */
    int64_t window;             /* -1: all */
    char *copies;               /* of the records, one after the other */
    uint64_t used, room;
    uint64_t *at; /* where each begins, in the order of keys when there is more than one table */
    uint32_t at_room, count, left_off, tables;
    uint32_t before; /* so many are of the tables before this one */
    int64_t now_ms;  /* the smallest of the tables */
    bool failed;
};

static bool is_named(const char *name, const char *bytes, uint32_t size)
{
    return !name || (strlen(name) == size && !memcmp(name, bytes, size));
}

static bool make_room(struct figures_query *query, uint32_t size)
{
    if (query->used + size > query->room) {
        uint64_t room = (query->used + size) * 2;
        char *copies = realloc(query->copies, room);
        if (!copies)
            return false;
        query->copies = copies;
        query->room = room;
    }
    if (query->count == query->at_room) {
        uint32_t room = query->at_room ? 2 * query->at_room : 64;
        uint64_t *at = realloc(query->at, room * sizeof *at);
        if (!at)
            return false;
        query->at = at;
        query->at_room = room;
    }
    return true;
}

/* Under the table's lock: copies, and no more. */
static bool take_record(void *opaque, const struct rc_record *rec)
{
    struct figures_query *query = opaque;
    if (!is_named(query->client, record_client(rec), rec->client_size) ||
        !is_named(query->queue, record_queue(rec), rec->queue_size) ||
        (query->channel >= 0 && rec->channel != query->channel) ||
        (query->window >= 0 && rec->window != query->window))
        return true;
    if (query->count - query->before == HTTP_RECORDS_MAX) {
        query->left_off++;
        return true;
    }
    if (!make_room(query, rec->size)) {
        query->failed = true;
        return false;
    }
    memcpy(query->copies + query->used, rec, rec->size);
    query->at[query->count++] = query->used;
    query->used += rec->size;
    return true;
}

static int compare_copies(const void *left, const void *right, void *copies)
{
    const char *bytes = copies;
    const struct rc_record *a = (const void *)(bytes + *(const uint64_t *)left);
    const struct rc_record *b = (const void *)(bytes + *(const uint64_t *)right);
    int order = record_compare_key(a, b);
    return order ? order : a < b ? -1 : 1; /* of one key: as they came */
}

static void take_table(void *to, struct sink_table *table)
{
    struct figures_query *query = to;
    int64_t now_ms = sink_table_now(table);
    if (now_ms != RC_TIME_NONE && (query->now_ms == RC_TIME_NONE || now_ms < query->now_ms))
        query->now_ms = now_ms;
    query->before = query->count;
    query->tables++;
    sink_table_each(table, take_record, query);
}

/* What several tables gave: by key, and no more than there may be. */
static void merge(struct figures_query *query)
{
    if (query->tables > 1 && query->count)
        qsort_r(query->at, query->count, sizeof *query->at, compare_copies, query->copies);
    if (query->count <= HTTP_RECORDS_MAX)
        return;
    query->left_off += query->count - HTTP_RECORDS_MAX;
    query->count = HTTP_RECORDS_MAX;
}

/* NULL: all is well; else what is wrong with *ret_found. */
static const char *read_part(const struct sink_http *http, const char *name, const char *value,
                             struct figures_query *query, const char **ret_found)
{
    const struct rc_windows *windows = &http->options.config->windows;
    *ret_found = value;
    if (!strcmp(name, "client")) {
        query->client = value;
    } else if (!strcmp(name, "queue")) {
        query->queue = value;
    } else if (!strcmp(name, "channel")) {
        for (query->channel = 0; query->channel < RC_CHANNEL_COUNT; query->channel++)
            if (!strcmp(record_channel_name[query->channel], value))
                return NULL;
        return "channel is call, chat or ticket";
    } else if (!strcmp(name, "window")) {
        uint32_t count = windows->rolling_count + windows->interval_count;
        for (query->window = 0; query->window < count; query->window++)
            if (!strcmp(rc_window_name(windows, (uint32_t)query->window), value))
                return NULL;
        return "no window of this name is configured";
    } else {
        *ret_found = name;
        return "unknown parameter; there are client, queue, channel and window";
    }
    return NULL;
}

static bool write_figures(const struct sink_http *http, const struct figures_query *query,
                          struct evbuffer *body)
{
    if (query->now_ms == RC_TIME_NONE)
        evbuffer_add_printf(body, "{\"as_of_ms\":null,\"records\":[");
    else
        evbuffer_add_printf(body, "{\"as_of_ms\":%lld,\"records\":[", (long long)query->now_ms);
    for (uint32_t i = 0; i < query->count; i++) {
        const struct rc_record *rec = (const void *)(query->copies + query->at[i]);
        struct evbuffer_iovec room;
        if (evbuffer_reserve_space(body, SINK_RECORD_TEXT_MAX, &room, 1) != 1)
            return false;
        char *text = room.iov_base;
        if (i)
            *text++ = ',';
        *text++ = '\n';
        text += sink_record_json(&http->options.config->windows, rec, text);
        room.iov_len = (size_t)(text - (char *)room.iov_base);
        if (evbuffer_commit_space(body, &room, 1))
            return false;
    }
    evbuffer_add_printf(body, "\n],\"left_off\":%u}\n", query->left_off);
    return true;
}

static void reply_figures(struct sink_http *http, struct evhttp_request *request,
                          struct figures_query *query)
{
    struct evbuffer *body = evbuffer_new();
    each_table(http, take_table, query);
    merge(query);
    if (body && !query->failed && has_tables(http) && write_figures(http, query, body)) {
        reply(request, 200, "OK", "application/json", body);
    } else {
        if (body)
            evbuffer_free(body);
        reply_no_memory(request);
    }
    free(query->copies);
    free(query->at);
}

static void serve_figures(struct sink_http *http, struct evhttp_request *request)
{
    struct figures_query query = {.channel = -1, .window = -1, .now_ms = RC_TIME_NONE};
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    const char *wrong = NULL, *found = NULL;
    struct evkeyvalq parts = {0};
    TAILQ_INIT(&parts);
    if (text && *text && evhttp_parse_query_str(text, &parts))
        wrong = "the query cannot be read";
    const struct evkeyval *part;
    unsigned count = 0;
    TAILQ_FOREACH(part, &parts, next)
    {
        if (wrong)
            break;
        wrong = ++count > QUERY_PARTS_MAX ? "too many parameters"
                                          : read_part(http, part->key, part->value, &query, &found);
    }
    if (wrong)
        reply_error(request, 400, "Bad Request", wrong, found);
    else
        reply_figures(http, request, &query);
    evhttp_clear_headers(&parts);
}

/* ---- routes ---- */

static const struct route {
    const char *path;
    void (*serve)(struct sink_http *http, struct evhttp_request *request);
} routes[] = {{"/healthz", serve_health},
              {"/readyz", serve_ready},
              {"/metrics", serve_metrics},
              {"/api/v1/figures", serve_figures}};

static void serve(struct evhttp_request *request, void *opaque)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const struct route *route = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes && !route; i++)
        if (path && !strcmp(routes[i].path, path))
            route = &routes[i];
    enum evhttp_cmd_type command = evhttp_request_get_command(request);
    if (!route) {
        reply_error(request, 404, "Not Found", "nothing here", path ? path : "");
    } else if (command != EVHTTP_REQ_GET && command != EVHTTP_REQ_HEAD) {
        add_header(request, "Allow", "GET, HEAD");
        reply_error(request, 405, "Method Not Allowed", "only GET and HEAD", NULL);
    } else {
        route->serve(opaque, request);
    }
}

/* ---- life ---- */

/* "host:port", "[address]:port"; false: neither. */
static bool split(const char *listen, char host[256], uint16_t *ret_port)
{
    const char *colon = strrchr(listen, ':');
    char *end;
    size_t size = colon ? (size_t)(colon - listen) : 0;
    if (!colon || !colon[1] || size >= 256)
        return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || port > 65535)
        return false;
    if (size >= 2 && listen[0] == '[' && listen[size - 1] == ']') {
        listen++;
        size -= 2;
    }
    memcpy(host, listen, size);
    host[size] = 0;
    *ret_port = (uint16_t)port;
    return size > 0;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size))
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static enum rc_error bind_to(struct sink_http *http, char ret_message[256])
{
    const char *listen = http->options.config->http.listen;
    char host[256];
    uint16_t port;
    if (!split(listen, host, &port)) {
        snprintf(ret_message, 256, "http.listen: \"%.100s\" is not host:port", listen);
        return RC_ERR_CONFIG;
    }
    errno = 0;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(http->server, host, port);
    if (!bound) {
        int error = errno;
        snprintf(ret_message, 256, "cannot listen on %.100s: %s", listen,
                 error ? strerror(error) : "no such address");
        return error == EACCES ? RC_ERR_DENIED : RC_ERR_IO;
    }
    /* Accepted sockets inherit it: without it large replies wait for acknowledgements. */
    int fd = evhttp_bound_socket_get_fd(bound), on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    http->port = port_of(fd);
    return RC_OK;
}

enum rc_error sink_http_open(const struct sink_http_options *options, struct sink_http **ret_http,
                             char ret_message[256])
{
    struct sink_http *http = calloc(1, sizeof *http);
    enum rc_error err = RC_ERR_MEMORY;
    if (!http)
        return err;
    http->options = *options;
    http->server = evhttp_new(options->base);
    if (http->server) {
        evhttp_set_max_headers_size(http->server, HEADERS_MAX);
        evhttp_set_max_body_size(http->server, BODY_MAX);
        evhttp_set_timeout(http->server, TIMEOUT_S);
        /* All that libevent knows, so that our own 405 answers, and not a page of its own. */
        evhttp_set_allowed_methods(
            http->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                              EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
        evhttp_set_gencb(http->server, serve, http);
        err = bind_to(http, ret_message);
    } else {
        snprintf(ret_message, 256, "%s", rc_error_text(err));
    }
    if (err) {
        sink_http_close(http);
        return err;
    }
    *ret_http = http;
    return RC_OK;
}

uint16_t http_port(const struct sink_http *http)
{
    return http->port;
}

void sink_http_close(struct sink_http *http)
{
    if (!http)
        return;
    if (http->server)
        evhttp_free(http->server);
    free(http);
}
