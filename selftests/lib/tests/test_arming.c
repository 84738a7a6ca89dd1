// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "../arming.h"
#include "../cpus.h"
#include "testing.h"

/* No CPU of ours is emulated: to arm a timer takes some us at the most, whatever else runs. */
START_TEST(this_machine_is_not_slow)
{
	struct cpus usable;
	int64_t cost;
	int cpu = -1;

	ck_assert_int_eq(cpus_usable(&usable), 0);
	cost = arming_cost(&usable, &cpu);
	ck_assert_msg(cost > 0 && cost < ARMING_SLOW_NS, "%lld ns", (long long)cost);
	ck_assert(cpus_has(&usable, cpu));
}
END_TEST

START_TEST(no_cpu)
{
	struct cpus none = { 0 };
	int cpu = 7;

	ck_assert_int_eq(arming_cost(&none, &cpu), -ESRCH);
	ck_assert_int_eq(cpu, 7);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("arming");

	tcase_set_tags(tc, "clock");
	tcase_add_test(tc, this_machine_is_not_slow);
	tcase_add_test(tc, no_cpu);
	return run_cases("arming", tc);
}
