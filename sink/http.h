/* What tests need of the HTTP side. */
#ifndef SINK_HTTP_H
#define SINK_HTTP_H

#include "rollcall/sink.h"

/* Where it listens; with port 0 in `http.listen` the system has chosen. */
uint16_t http_port(const struct sink_http *http);

enum { HTTP_RECORDS_MAX = 10000 };

#endif
