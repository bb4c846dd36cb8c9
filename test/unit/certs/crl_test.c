// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/crl.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit/certs/made_certificate.h"

#include "test/unit/certs/cmocka_all.h"

/* A CA with two certificates, the first of which its CRL revokes. */
struct world {
    struct made ca;
    struct made revoked;
    struct made good;
    struct der_writer crl;
};

static int set_up(void **state)
{
    struct err err;
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    struct issue_request request = made_request("CA");
    request.is_ca = true;
    world->ca = made_certificate(&request, NULL);
    request = made_request("leaf");
    world->revoked = made_certificate(&request, &world->ca);
    world->good = made_certificate(&request, &world->ca);
    time_t now = time(NULL);
    struct issue_authority authority = made_authority(&world->ca);
    struct issue_revoked list[] = {
        {world->ca.parts.serial,      now},
        {world->revoked.parts.serial, now}
    };
    assert_true(issue_crl(&world->crl, &authority, 0x1234, now - 10, now + 100, list, 2, &err));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    made_clear(&world->ca);
    made_clear(&world->revoked);
    made_clear(&world->good);
    der_writer_clear(&world->crl);
    free(world);
    return 0;
}

static void revokes_what_it_lists_and_nothing_else(void **state)
{
    struct world *world = *state;
    struct crl crl;
    struct err err;
    assert_true(crl_read(&crl, der_written(&world->crl), &err));
    assert_int_equal(crl.revoked_count, 2);
    assert_true(crl_revokes(&crl, &world->revoked.parts));
    assert_false(crl_revokes(&crl, &world->good.parts));
    assert_true(crl_is_for(&crl, &world->good.parts));
    assert_string_equal(crl.issuer_text, "CN=CA");
    assert_int_equal(crl.number.length, 2);
    assert_memory_equal(crl.number.data, "\x12\x34", 2);
    crl_clear(&crl);
}

static void says_nothing_about_another_ca(void **state)
{
    struct world *world = *state;
    struct crl crl;
    struct err err;
    struct issue_request request = made_request("other CA");
    struct made other = made_certificate(&request, NULL);
    assert_true(crl_read(&crl, der_written(&world->crl), &err));
    assert_false(crl_is_for(&crl, &other.parts));
    assert_false(crl_revokes(&crl, &other.parts));
    assert_false(crl_is_signed_by(&crl, &other.parts));
    crl_clear(&crl);
    made_clear(&other);
}

static void refuses_a_signature_by_a_ca_of_the_same_name(void **state)
{
    struct world *world = *state;
    struct crl crl;
    struct err err;
    struct issue_request request = made_request("CA");
    struct made impostor = made_certificate(&request, NULL);
    assert_true(crl_read(&crl, der_written(&world->crl), &err));
    assert_true(crl_is_signed_by(&crl, &world->ca.parts));
    assert_false(crl_is_signed_by(&crl, &impostor.parts));
    crl_clear(&crl);
    made_clear(&impostor);
}

static void is_in_force_between_its_two_dates(void **state)
{
    struct world *world = *state;
    struct crl crl;
    struct err err;
    assert_true(crl_read(&crl, der_written(&world->crl), &err));
    assert_true(crl_is_current(&crl, crl.this_update));
    assert_false(crl_is_current(&crl, crl.this_update - 1));
    assert_false(crl_is_current(&crl, crl.next_update));
    crl_clear(&crl);
}

static void refuses_critical_extensions_that_it_does_not_know(void **state)
{
    struct world *world = *state;
    struct crl crl;
    struct err err;
    /* The OID of the CRL number becomes that of an unknown extension; that alone is harmless. */
    static const uint8_t number[] = {0x06, 0x03, 0x55, 0x1d, 0x14};
    uint8_t *at = memmem(world->crl.data, world->crl.length, number, sizeof number);
    assert_non_null(at);
    at[4] = 0x1b; /* deltaCRLIndicator */
    assert_true(crl_read(&crl, der_written(&world->crl), &err));
    crl_clear(&crl);
    /* The same content as a critical one: OCTET STRING of 4 bytes -> TRUE and one of 1 byte. */
    assert_int_equal(at[5], 0x04);
    assert_int_equal(at[6], 0x04);
    memcpy(at + 5, (const uint8_t[]){0x01, 0x01, 0xff, 0x04, 0x01}, 5);
    assert_false(crl_read(&crl, der_written(&world->crl), &err));
    assert_true(strstr(err.text, "critical") != NULL);
}

static void survives_every_cut_and_every_changed_byte(void **state)
{
    struct world *world = *state;
    struct crl crl;
    for (size_t i = 0; i < world->crl.length; i++) {
        assert_false(crl_read(&crl, (struct span){world->crl.data, i}, NULL));
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t kept = world->crl.data[i];
            world->crl.data[i] = (uint8_t)(kept ^ 1U << bit);
            if (crl_read(&crl, der_written(&world->crl), NULL)) crl_clear(&crl);
            world->crl.data[i] = kept;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(revokes_what_it_lists_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_nothing_about_another_ca, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_a_signature_by_a_ca_of_the_same_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(is_in_force_between_its_two_dates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_critical_extensions_that_it_does_not_know, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(survives_every_cut_and_every_changed_byte, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
