#include "kafka_words.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static const struct rc_property tls[] = {{"security.protocol", "SASL_SSL", false},
                                         {"sasl.password", "hunter2", true}};
static const struct rc_kafka plain_kafka = {.brokers = "kafka:9092"};
static const struct rc_kafka tls_kafka = {
    .brokers = "kafka:9093", .property_count = 2, .property = tls};

static void check(const struct rc_kafka *kafka, const char *line, enum kafka_cause cause,
                  const char *part)
{
    char text[KAFKA_WORDS_MAX];
    cr_assert(eq(int, kafka_words_explain(kafka, line, text), cause), "%s", line);
    cr_assert(not(eq(ptr, strstr(text, part), NULL)), "%s: %s", line, text);
}

Test(kafka_words, riddles_become_sentences)
{
    check(&plain_kafka,
          "_TRANSPORT: kafka:9092/bootstrap: Disconnected while requesting ApiVersion: might be "
          "caused by incorrect security.protocol configuration (connecting to a SSL listener?)",
          KAFKA_CAUSE_SPEAKS_TLS, "seems to speak TLS, the configuration says plaintext");
    check(&tls_kafka,
          "_SSL: ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A00010B:SSL "
          "routines::wrong version number: connecting to a PLAINTEXT broker listener?",
          KAFKA_CAUSE_SPEAKS_PLAIN, "does not speak TLS");
    check(&tls_kafka,
          "_SSL: ssl://kafka:9093/1: SSL handshake failed: error:0A000086:SSL "
          "routines::certificate verify failed: broker certificate could not be verified, verify "
          "that ssl.ca.location is correctly configured",
          KAFKA_CAUSE_CERTIFICATE, "ssl.ca.location");
    check(&tls_kafka,
          "_AUTHENTICATION: sasl_ssl://kafka:9093/bootstrap: SASL authentication error: "
          "Authentication failed during authentication due to invalid credentials with SASL "
          "mechanism SCRAM-SHA-512 (after 316ms in state AUTH_REQ)",
          KAFKA_CAUSE_PASSWORD, "user name or password");
    check(&tls_kafka,
          "_AUTHENTICATION: sasl_ssl://kafka:9093/bootstrap: SASL PLAIN mechanism handshake "
          "failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: "
          "SCRAM-SHA-512 (after 304ms in state AUTH_HANDSHAKE)",
          KAFKA_CAUSE_MECHANISM, "sasl.mechanism");
    check(&tls_kafka,
          "_TRANSPORT: ssl://kafka:9093/bootstrap: Disconnected: verify that security.protocol is "
          "correctly configured, broker might require SASL authentication (after 344ms in state "
          "UP)",
          KAFKA_CAUSE_WANTS_PASSWORD, "the configuration gives none");
    check(&tls_kafka,
          "_SSL: ssl://kafka:9092/bootstrap: SSL handshake failed: error:0A000126:SSL "
          "routines::unexpected eof while reading (after 6ms in state SSL_HANDSHAKE)",
          KAFKA_CAUSE_SPEAKS_PLAIN, "does not speak TLS");
    check(&plain_kafka,
          "_RESOLVE: nowhere:9092/bootstrap: Failed to resolve 'nowhere:9092': Name or service "
          "not known",
          KAFKA_CAUSE_UNKNOWN_HOST, "not known: kafka:9092");
    check(&plain_kafka,
          "_TRANSPORT: kafka:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused",
          KAFKA_CAUSE_AWAY, "waited for");
    check(&plain_kafka, "_ALL_BROKERS_DOWN: 1/1 brokers are down", KAFKA_CAUSE_AWAY, "waited for");
    check(&plain_kafka, "TOPIC_AUTHORIZATION_FAILED: calls: Broker: Topic authorization failed",
          KAFKA_CAUSE_NOT_ALLOWED, "ACL of a topic");
    check(&plain_kafka, "GROUP_AUTHORIZATION_FAILED: x", KAFKA_CAUSE_NOT_ALLOWED, "group");
    check(&plain_kafka, "_BAD_MSG: odd (after 3ms in state UP)", KAFKA_CAUSE_OTHER,
          "odd (_BAD_MSG)");
    check(&plain_kafka, "no colon", KAFKA_CAUSE_OTHER, "no colon");
}

Test(kafka_words, a_connection_that_ends_is_no_news)
{
    check(&plain_kafka, "_TRANSPORT: kafka:9092/1: Disconnected (after 3000ms in state UP)",
          KAFKA_CAUSE_NONE, "");
    check(&tls_kafka, "_TRANSPORT: kafka:9093/1: Disconnected", KAFKA_CAUSE_NONE, "");
}

static char said[16][KAFKA_WORDS_MAX];
static int said_count;

static void keep(void *opaque, const char *line)
{
    (void)opaque;
    snprintf(said[said_count++], KAFKA_WORDS_MAX, "%s", line);
}

Test(kafka_words, a_cause_is_said_once_until_kafka_answers)
{
    struct kafka_words words;
    kafka_words_init(&words, &plain_kafka, keep, NULL);
    struct kafka_speaker one = {&words, 1}, two = {&words, 2};
    char reason[200];
    cr_assert(kafka_words_well(&words, reason, sizeof reason));
    kafka_words_say(&one, "_TRANSPORT: Connection refused");
    kafka_words_say(&two, "_TRANSPORT: Connection refused");
    kafka_words_say(&one, "_ALL_BROKERS_DOWN: 1/1");
    cr_assert(eq(int, said_count, 1));
    cr_assert(not(kafka_words_well(&words, reason, sizeof reason)));
    cr_assert(not(eq(ptr, strstr(reason, "does not answer"), NULL)));
    kafka_words_say(&one, "up");
    cr_assert(eq(int, said_count, 1), "the other one still waits");
    kafka_words_say(&two, "up");
    cr_assert(eq(int, said_count, 2));
    cr_assert(eq(str, said[1], "Kafka answers again"));
    cr_assert(kafka_words_well(&words, reason, sizeof reason));
    kafka_words_say(&two, "up");
    cr_assert(eq(int, said_count, 2));
    kafka_words_say(&one, "_TRANSPORT: Connection refused");
    cr_assert(eq(int, said_count, 3));
    kafka_words_done(&words);
}

Test(kafka_words, that_nobody_answers_says_nothing_new_when_the_cause_is_known)
{
    struct kafka_words words;
    kafka_words_init(&words, &tls_kafka, keep, NULL);
    struct kafka_speaker one = {&words, 1};
    kafka_words_say(&one, "_AUTHENTICATION: SASL authentication error");
    kafka_words_say(&one, "_ALL_BROKERS_DOWN: 1/1");
    kafka_words_say(&one, "note: as it is");
    cr_assert(eq(int, said_count, 2));
    cr_assert(eq(str, said[1], "as it is"));
    kafka_words_done(&words);
}

Test(kafka_words, a_broker_that_goes_down_does_not_speak_tls_all_of_a_sudden)
{
    struct kafka_words words;
    kafka_words_init(&words, &plain_kafka, keep, NULL);
    struct kafka_speaker one = {&words, 1};
    kafka_words_say(&one, "up");
    kafka_words_say(&one, "_TRANSPORT: Disconnected while requesting ApiVersion");
    cr_assert(eq(int, said_count, 1));
    cr_assert(not(eq(ptr, strstr(said[0], "waited for"), NULL)), "%s", said[0]);
    kafka_words_done(&words);
}

Test(kafka_words, two_refusals_are_two_causes)
{
    struct kafka_words words;
    kafka_words_init(&words, &plain_kafka, keep, NULL);
    struct kafka_speaker one = {&words, 1};
    kafka_words_say(&one, "TOPIC_AUTHORIZATION_FAILED: calls");
    kafka_words_say(&one, "TOPIC_AUTHORIZATION_FAILED: calls");
    kafka_words_say(&one, "TOPIC_AUTHORIZATION_FAILED: chats");
    cr_assert(eq(int, said_count, 2));
    kafka_words_say(&one, "up");
    kafka_words_say(&one, "TOPIC_AUTHORIZATION_FAILED: calls");
    kafka_words_say(&one, "TOPIC_AUTHORIZATION_FAILED: chats");
    cr_assert(eq(int, said_count, 2), "an answer to something else changes nothing");
    kafka_words_done(&words);
}
