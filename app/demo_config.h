/* The configuration of the demo: the simulator's clients and queues, open round the clock. */
#ifndef APP_DEMO_CONFIG_H
#define APP_DEMO_CONFIG_H

#include "simulate_model.h"

#include <stdio.h>

enum { DEMO_PARTITIONS = 4 };
void demo_config_write(const struct sim_options *options, const char *brokers, FILE *out);

#endif
