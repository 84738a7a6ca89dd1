# SPDX-License-Identifier: GPL-2.0-only
# The log of one of harness/check's tests -> "PASSED FAILED SKIPPED": single tests where it is TAP (bats) or libcheck's,
# else the whole as one. -v status=EXIT-CODE

/^ok .* # [Ss][Kk][Ii][Pp]/ { skipped++; next }
/^ok / { passed++ }
/^not ok / { failed++ }
/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/ {
	gsub(/[^0-9 ]/, "")
	checks += $(NF - 2)
	bad += $(NF - 1) + $NF
	libcheck = 1
}

END {
	if (libcheck) {
		passed = checks - bad
		failed = bad
		skipped = 0
	}
	if (status != 0 && !failed)
		failed = 1
	if (!passed && !failed && !skipped)
		passed = 1
	print passed + 0, failed + 0, skipped + 0
}
