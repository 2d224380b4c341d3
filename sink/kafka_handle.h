/* librdkafka handles for the output: the settings that our promises stand on, what the operator's
 * configuration adds, and errors in the form that the rest of the program reads. */
#ifndef ROLLCALL_SINK_KAFKA_HANDLE_H
#define ROLLCALL_SINK_KAFKA_HANDLE_H

#include "rollcall/config.h"
#include "rollcall/error.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Who hears of errors; the opaque of every handle. thread: the one that polls the handle. */
struct kafka_ear {
    void (*say)(void *opaque, const char *line);
    void *opaque;
    void *producer; /* whose deliveries it is told of */
    bool failing;   /* Kafka has not answered yet, or an error was said since */
    bool fatal;     /* the handle is of no more use */
};

/* "NAME: text", NAME being the error's code. */
void kafka_complain(struct kafka_ear *ear, rd_kafka_resp_err_t code, const char *text);
/* Kafka answered: what was complained of is over. */
void kafka_answered(struct kafka_ear *ear);
/* "note: text", for the log as it stands. */
void kafka_note(struct kafka_ear *ear, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

struct kafka_producer_options {
    const struct rc_config *config;
    void (*delivered)(rd_kafka_t *, const rd_kafka_message_t *, void *ear);
    const char *transactional_id; /* NULL: without transactions */
    int64_t transaction_ms;       /* after so long the broker ends one that is open */
};
/* A producer that loses, doubles and reorders nothing, with a delivery callback (without one every
 * flush sleeps in steps of 10 ms). CONFIG: a property is refused. */
enum rc_error kafka_producer_open(const struct kafka_producer_options *options,
                                  struct kafka_ear *ear, rd_kafka_t **ret_rk,
                                  char ret_message[256]);
/* Is what was delivered kept for certain? librdkafka takes a batch that was refused for kept when a
 * later one of the partition is: idempotence makes sure of that only where the broker knows the
 * producer. A partition that is new to both, whose leader is only coming up, refuses the first
 * batch and takes the second (seen with librdkafka 2.0.2 and Kafka 3.9.2; confluent-kafka-go issue
 * 921). What is believed to be kept has no offset. */
bool kafka_is_kept(const rd_kafka_message_t *message);
/* A consumer for reading back: read_committed, told of every partition's end. CONFIG. */
enum rc_error kafka_reader_open(const struct rc_config *config, struct kafka_ear *ear,
                                rd_kafka_t **ret_rk, char ret_message[256]);

#endif
