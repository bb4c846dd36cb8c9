// SPDX-License-Identifier: GPL-3.0-or-later
#include "broker/topic_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static void counts_levels_as_slashes_and_one(void **state)
{
    (void)state;
    assert_int_equal(topic_levels_count(span_of("")), 1);
    assert_int_equal(topic_levels_count(span_of("a")), 1);
    assert_int_equal(topic_levels_count(span_of("/")), 2);
    assert_int_equal(topic_levels_count(span_of("a//b/")), 4);
}

static void walks_over_empty_levels(void **state)
{
    struct topic_levels levels = topic_levels_of(span_of("/a//"));
    (void)state;
    assert_true(span_is(topic_levels_next(&levels), ""));
    assert_true(levels.more);
    assert_true(span_is(topic_levels_next(&levels), "a"));
    assert_true(span_is(topic_levels_next(&levels), ""));
    assert_true(levels.more);
    assert_true(span_is(topic_levels_next(&levels), ""));
    assert_false(levels.more);
}

static void finds_what_was_inserted_and_nothing_else(void **state)
{
    struct topic_tree tree;
    (void)state;
    topic_tree_init(&tree);
    struct topic_node *node = topic_tree_insert(&tree, span_of("a/b/c"));
    node->value = &tree;
    assert_ptr_equal(topic_tree_find(&tree, span_of("a/b/c")), node);
    assert_ptr_equal(topic_tree_insert(&tree, span_of("a/b/c")), node);
    assert_ptr_equal(topic_tree_find(&tree, span_of("a/b")), node->parent);
    assert_null(topic_tree_find(&tree, span_of("a/b/c/")));
    assert_null(topic_tree_find(&tree, span_of("b/c")));
    assert_true(span_is(topic_node_level(node), "c"));
    topic_tree_clear(&tree);
}

static void prunes_up_to_the_first_that_is_needed(void **state)
{
    struct topic_tree tree;
    (void)state;
    topic_tree_init(&tree);
    struct topic_node *deep = topic_tree_insert(&tree, span_of("a/b/c/d"));
    topic_tree_insert(&tree, span_of("a/x"))->value = &tree;
    assert_int_equal(tree.count, 5);
    topic_tree_prune(&tree, deep);
    assert_int_equal(tree.count, 2);
    assert_null(topic_tree_find(&tree, span_of("a/b")));
    assert_non_null(topic_tree_find(&tree, span_of("a/x")));
    topic_tree_clear(&tree);
}

static void knows_its_wildcard_children(void **state)
{
    struct topic_tree tree;
    (void)state;
    topic_tree_init(&tree);
    struct topic_node *plus = topic_tree_insert(&tree, span_of("a/+"));
    struct topic_node *hash = topic_tree_insert(&tree, span_of("a/#"));
    struct topic_node *a = plus->parent;
    a->value = &tree;
    assert_ptr_equal(a->plus, plus);
    assert_ptr_equal(a->hash, hash);
    topic_tree_prune(&tree, plus);
    topic_tree_prune(&tree, hash);
    assert_null(a->plus);
    assert_null(a->hash);
    topic_tree_clear(&tree);
}

static void visits_each_node_of_a_subtree_once(void **state)
{
    static const char *const topics[] = {"a/b", "a/c/d", "a/c/e", "x/y"};
    struct topic_tree tree;
    size_t all = 0;
    size_t below_a = 0;
    (void)state;
    topic_tree_init(&tree);
    for (size_t i = 0; i < 4; i++)
        (void)topic_tree_insert(&tree, span_of(topics[i]));
    const struct topic_node *a = topic_tree_find(&tree, span_of("a"));
    for (const struct topic_node *at = &tree.root; at != NULL; at = topic_tree_next(at, &tree.root))
        all++;
    for (const struct topic_node *at = a; at != NULL; at = topic_tree_next(at, a))
        below_a++;
    assert_int_equal(all, 1 + tree.count);
    assert_int_equal(below_a, 5);
    topic_tree_clear(&tree);
}

#ifndef POSTERN_SANITIZED /* which reserves all there is of the address space */
static unsigned long pages_in_use(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1); // NOLINT(cert-err34-c): of the kernel
    assert_int_equal(fclose(file), 0);
    return pages;
}

/* So much that a topic has its memory, and a large table that grows has not. */
static void leave_little_memory(const struct rlimit *before)
{
    enum { LITTLE = 240 * 1024 };
    struct rlimit few = *before;
    few.rlim_cur = pages_in_use() * (rlim_t)sysconf(_SC_PAGESIZE) + LITTLE;
    assert_int_equal(setrlimit(RLIMIT_AS, &few), 0);
}

/* A table that cannot grow is no reason for the process to end. */
static void without_memory_for_a_larger_table_a_topic_is_not_inserted(void **state)
{
    struct topic_tree tree;
    struct rlimit before;
    char name[32];
    bool made = true;
    (void)state;
    topic_tree_init(&tree);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    for (unsigned count = 0; made && count < 1000000; count++) {
        if (count % 100 == 0) leave_little_memory(&before);
        (void)snprintf(name, sizeof name, "topic/%u", count);
        struct topic_node *node = topic_tree_insert(&tree, span_of(name));
        made = node != NULL;
        if (made) node->value = &tree;
    }
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_false(made);
    assert_null(topic_tree_find(&tree, span_of(name)));
    assert_non_null(topic_tree_find(&tree, span_of("topic/1")));
    assert_non_null(topic_tree_insert(&tree, span_of(name)));
    topic_tree_clear(&tree);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef POSTERN_SANITIZED
        cmocka_unit_test(without_memory_for_a_larger_table_a_topic_is_not_inserted),
#endif
        cmocka_unit_test(counts_levels_as_slashes_and_one),
        cmocka_unit_test(walks_over_empty_levels),
        cmocka_unit_test(finds_what_was_inserted_and_nothing_else),
        cmocka_unit_test(prunes_up_to_the_first_that_is_needed),
        cmocka_unit_test(knows_its_wildcard_children),
        cmocka_unit_test(visits_each_node_of_a_subtree_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
