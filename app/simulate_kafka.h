/* A simulation straight into Kafka: each event to the topic of its channel, keyed by contact. */
#ifndef APP_SIMULATE_KAFKA_H
#define APP_SIMULATE_KAFKA_H

#include "rollcall/error.h"
#include "simulate_model.h"

#include <stdbool.h>

/* The whole run: reads the configuration, makes missing topics, sends, waits until all is
 * delivered, prints a summary to standard error unless quiet. Gives an exit code (exit.h).
 * thread: main. */
int simulate_into_kafka(const struct sim_options *options, const char *config_path, bool quiet);

#endif
