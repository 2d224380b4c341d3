/* Kafka's partitioner and the pseudonyms. */
#include "hash.h"
#include "murmur2_known.h"
#include <criterion/criterion.h>
#include <string.h>

Test(hash, murmur2_is_that_of_kafka)
{
    for (size_t i = 0; i < MURMUR2_KNOWN; i++) {
        uint32_t hash =
            ingest_murmur2(murmur2_known[i].bytes, (uint32_t)strlen(murmur2_known[i].bytes));
        cr_expect_eq((int32_t)hash, murmur2_known[i].hash, "%s: %d", murmur2_known[i].bytes,
                     (int32_t)hash);
    }
}

Test(hash, a_pseudonym_depends_on_every_bit_of_key_and_customer)
{
    uint8_t key[32] = {0};
    struct rc_id128 first = ingest_pseudonym(key, "u-77", 4), again, other;
    again = ingest_pseudonym(key, "u-77", 4);
    cr_expect(again.high == first.high && again.low == first.low);
    for (int bit = 0; bit < 256; bit++) {
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
        other = ingest_pseudonym(key, "u-77", 4);
        cr_expect(other.high != first.high && other.low != first.low);
        key[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    other = ingest_pseudonym(key, "u-78", 4);
    cr_expect(other.high != first.high && other.low != first.low);
}

Test(hash, a_pseudonym_is_the_same_tomorrow)
{
    /* Kept across versions: customers of yesterday are those of today. */
    uint8_t key[32];
    for (int i = 0; i < 32; i++)
        key[i] = (uint8_t)i;
    struct rc_id128 id = ingest_pseudonym(key, "customer-1", 10);
    cr_expect_eq(id.high, UINT64_C(0x9e06886260b48071), "%016llx", (unsigned long long)id.high);
    cr_expect_eq(id.low, UINT64_C(0x1b16a56f73e43517), "%016llx", (unsigned long long)id.low);
}

Test(hash, client_and_contact_do_not_run_together)
{
    cr_expect_neq(ingest_contact_hash(1, "ab", 2, "c", 1), ingest_contact_hash(1, "a", 1, "bc", 2));
    cr_expect_neq(ingest_contact_hash(1, "ab", 2, "c", 1), ingest_contact_hash(2, "ab", 2, "c", 1));
    cr_expect_eq(ingest_contact_hash(1, "ab", 2, "c", 1), ingest_contact_hash(1, "ab", 2, "c", 1));
}
