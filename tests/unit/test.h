/* test - what every unit test includes: cmocka with the headers it wants, in order. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CHECK(cond)     assert_true(cond)
#define CHECK_STR(a, b) assert_string_equal((a), (b))
#define CHECK_INT(a, b) assert_int_equal((a), (b))
