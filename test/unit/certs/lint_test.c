// SPDX-License-Identifier: GPL-3.0-or-later
#include "certs/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/pem.h"
#include "test/unit/certs/made_certificate.h"

#include "test/unit/certs/cmocka_all.h"

/* Files of a root, an intermediate and a server, and what lint said. */
struct world {
    struct temporary folder;
    struct made root;
    struct made intermediate;
    struct made server;
    const char *chain_path;
    const char *key_path;
    char said[8192];
};

static void on_finding(void *arg, enum lint_severity severity, const char *text)
{
    struct world *world = arg;
    size_t used = strlen(world->said);
    (void)snprintf(world->said + used, sizeof world->said - used, "%s: %s\n",
                   severity == LINT_WARNING ? "warning" : "error", text);
}

static struct issue_request server_request(void)
{
    static const char *const names[] = {"broker.example"};
    struct issue_request request = made_request("broker.example");
    request.names = names;
    request.names_count = 1;
    request.server_auth = true;
    request.not_after = time(NULL) + 90 * 86400;
    return request;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    struct issue_request request = made_request("Root");
    request.is_ca = true;
    request.not_after = time(NULL) + 365 * 86400;
    world->root = made_certificate(&request, NULL);
    request.common_name = "Intermediate";
    world->intermediate = made_certificate(&request, &world->root);
    request = server_request();
    world->server = made_certificate(&request, &world->intermediate);
    world->folder = temporary_make();
    world->chain_path = temporary_file(&world->folder, "server.pem");
    world->key_path = temporary_file(&world->folder, "server.key");
    temporary_write_key(world->key_path, &world->server);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    temporary_remove(&world->folder);
    made_clear(&world->root);
    made_clear(&world->intermediate);
    made_clear(&world->server);
    free(world);
    return 0;
}

/* Lints the chain of these; `expected` is in what is said, or nothing is said if it is NULL. */
static void expect(struct world *world, const struct made *const *chain, size_t count,
                   const char *expected)
{
    temporary_write_chain(world->chain_path, chain, count);
    world->said[0] = 0;
    size_t errors = certs_lint_server(world->chain_path, world->key_path, on_finding, world);
    assert_int_equal(errors > 0, strstr(world->said, "error: ") != NULL);
    if (expected == NULL)
        assert_string_equal(world->said, "");
    else if (strstr(world->said, expected) == NULL)
        fail_msg("\"%s\" is not in:\n%s", expected, world->said);
}

static void says_nothing_about_a_good_chain(void **state)
{
    struct world *world = *state;
    expect(world, (const struct made *[]){&world->server, &world->intermediate}, 2, NULL);
}

static void finds_the_key_of_another_certificate(void **state)
{
    struct world *world = *state;
    temporary_write_key(world->key_path, &world->root);
    expect(world, (const struct made *[]){&world->server, &world->intermediate}, 2, "error: ");
    assert_non_null(strstr(world->said, "the key does not belong to \"CN=broker.example\""));
}

static void finds_the_server_behind_its_issuer(void **state)
{
    struct world *world = *state;
    expect(world, (const struct made *[]){&world->intermediate, &world->server}, 2,
           "the key belongs to certificate 2 of");
}

static void finds_a_missing_intermediate_in_a_file_beside(void **state)
{
    struct world *world = *state;
    const char *beside = temporary_file(&world->folder, "inter.crt");
    temporary_write_chain(beside, (const struct made *[]){&world->intermediate}, 1);
    expect(world, (const struct made *[]){&world->server}, 1,
           "the chain lacks the intermediate \"CN=Intermediate\"");
    assert_non_null(strstr(world->said, "inter.crt: append it"));
}

static void names_a_missing_issuer_that_is_nowhere(void **state)
{
    struct world *world = *state;
    expect(world, (const struct made *[]){&world->server}, 1,
           "the chain lacks the issuer of \"CN=broker.example\": \"CN=Intermediate\" (key id ");
}

static void finds_a_chain_out_of_order_and_a_needless_root(void **state)
{
    struct world *world = *state;
    expect(world, (const struct made *[]){&world->server, &world->root, &world->intermediate}, 3,
           "out of order");
    assert_non_null(strstr(world->said, "the root \"CN=Root\" is in the chain"));
}

static void finds_certificates_that_do_not_belong(void **state)
{
    struct world *world = *state;
    struct issue_request request = made_request("stranger");
    struct made stranger = made_certificate(&request, NULL);
    expect(world, (const struct made *[]){&world->server, &world->intermediate, &stranger}, 3,
           "certificate 3, \"CN=stranger\", is no part of the chain");
    made_clear(&stranger);
}

/* Replaces the server by one of this request, with its key. */
static void expect_of(struct world *world, const struct issue_request *request,
                      const char *expected)
{
    made_clear(&world->server);
    world->server = made_certificate(request, &world->intermediate);
    temporary_write_key(world->key_path, &world->server);
    expect(world, (const struct made *[]){&world->server, &world->intermediate}, 2, expected);
}

static void judges_dates(void **state)
{
    struct world *world = *state;
    struct issue_request request = server_request();
    request.not_before = time(NULL) - 10 * 86400;
    request.not_after = time(NULL) - 3 * 86400 - 60;
    expect_of(world, &request, "error: ");
    assert_non_null(strstr(world->said, "expired 3 days ago"));
    request.not_after = time(NULL) + 5 * 86400 + 60;
    expect_of(world, &request, "expires in 5 days");
    request.not_before = time(NULL) + 86400 * 3 + 60;
    expect_of(world, &request, "is not valid before 3 days from now");
}

static void judges_names_and_purposes(void **state)
{
    struct world *world = *state;
    struct issue_request request = server_request();
    request.names_count = 0;
    expect_of(world, &request, "names no server");
    request = server_request();
    request.server_auth = false;
    request.client_auth = true;
    expect_of(world, &request, "lacks serverAuth");
}

static void finds_no_ca_where_one_should_be(void **state)
{
    struct world *world = *state;
    temporary_write_chain(world->chain_path, (const struct made *[]){&world->server}, 1);
    assert_int_equal(certs_lint_client_ca(world->chain_path, on_finding, world), 1);
    assert_non_null(strstr(world->said, "there is no CA in it, \"CN=broker.example\" is none"));
    world->said[0] = 0;
    temporary_write_chain(world->chain_path,
                          (const struct made *[]){&world->root, &world->intermediate}, 2);
    assert_int_equal(certs_lint_client_ca(world->chain_path, on_finding, world), 0);
    assert_string_equal(world->said, "");
}

static void write_crl(const char *path, const struct made *ca, time_t next_update)
{
    struct err err;
    size_t length;
    struct der_writer der = {0};
    struct issue_authority authority = made_authority(ca);
    assert_true(issue_crl(&der, &authority, 1, time(NULL) - 7200, next_update, NULL, 0, &err));
    char *text = pem_encode("X509 CRL", der_written(&der), &length);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    free(text);
    der_writer_clear(&der);
}

static void judges_crls(void **state)
{
    struct world *world = *state;
    const char *crl = temporary_file(&world->folder, "ca.crl");
    const char *ca = temporary_file(&world->folder, "ca.pem");
    temporary_write_chain(ca, (const struct made *[]){&world->root}, 1);
    write_crl(crl, &world->root, time(NULL) + 3600);
    assert_int_equal(certs_lint_crl(crl, ca, on_finding, world), 0);
    assert_string_equal(world->said, "");
    write_crl(crl, &world->root, time(NULL) - 3600);
    assert_int_equal(certs_lint_crl(crl, ca, on_finding, world), 0);
    assert_non_null(strstr(world->said, "has been outdated for 60 minutes"));
    write_crl(crl, &world->intermediate, time(NULL) + 3600);
    assert_int_equal(certs_lint_crl(crl, ca, on_finding, world), 1);
    assert_non_null(strstr(world->said, "the CRL of \"CN=Intermediate\" is signed by no CA in"));
}

#define LINT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LINT_TEST(says_nothing_about_a_good_chain),
        LINT_TEST(finds_the_key_of_another_certificate),
        LINT_TEST(finds_the_server_behind_its_issuer),
        LINT_TEST(finds_a_missing_intermediate_in_a_file_beside),
        LINT_TEST(names_a_missing_issuer_that_is_nowhere),
        LINT_TEST(finds_a_chain_out_of_order_and_a_needless_root),
        LINT_TEST(finds_certificates_that_do_not_belong),
        LINT_TEST(judges_dates),
        LINT_TEST(judges_names_and_purposes),
        LINT_TEST(finds_no_ca_where_one_should_be),
        LINT_TEST(judges_crls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
