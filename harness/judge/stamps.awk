# SPDX-License-Identifier: GPL-2.0-only
# The host's clock against a guest's: judge.awk's part that judges "# stamp RAW MONOTONIC" lines by when they arrived. It is
# the one reference outside the guest (G4). Uses judge.awk's cur and stamp, add_case(), broken() and the metrics.

# The host's monotonic time of a line, in s, to the microsecond: epoch says it finely, and is wrong once somebody sets the clock; uptime
# goes on, in 1/100 s cut off. So the epoch counts as far as it stays within that hundredth; what it is off by is taken out for good.
function host_time(epoch, uptime) {
	if (!timed++ || epoch - epoch_base < uptime)
		epoch_base = epoch - uptime
	else if (epoch - epoch_base > uptime + 0.01)
		epoch_base = epoch - uptime - 0.01
	return epoch - epoch_base
}

# stamp RAW MONOTONIC, in ns, read when the line was written; what is too many is forgotten
function a_stamp(raw, monotonic) {
	if (raw !~ /^[0-9]+$/ || monotonic !~ /^[0-9]+$/ || length(raw monotonic) > 36)
		return broken("a stamp that can't be read in " cur)
	if (stamps >= 1000)
		return
	arrived[++stamps] = stamp
	stamp_raw[stamps] = raw / 1e9
	stamp_monotonic[stamps] = monotonic / 1e9
}

# How fast the guest's clock at[] is by ours, by the least delayed stamps of the first and the last third: a line may
# arrive late, never early. The uncertainty, for the caller: the delays' spread by the time between.
function host_slope(at,    pass, slope, i, j, spreads) {
	for (pass = 1; pass <= 3; pass++) {
		i = least_delay(at, slope, 1, int(stamps / 3))
		spreads = spread
		j = least_delay(at, slope, stamps - int(stamps / 3) + 1, stamps)
		spreads += spread
		if (arrived[j] <= arrived[i]) {
			uncertainty = 1
			return 0
		}
		slope = (at[j] - at[i]) / (arrived[j] - arrived[i]) - 1
		uncertainty = spreads / (arrived[j] - arrived[i])
		if (slope < -1)
			slope = -1
	}
	return slope
}

function host_metric(name, value, unit) {
	metric[++metrics] = cur ".host" OFS name OFS sprintf("%.3f", value) OFS unit
}

# The one reference outside the guest (G4): clocks that are all fast alike agree with each other, not with the host's.
function judge_stamps(    id, slope, span) {
	if (cur == "" || !stamps)
		return
	id = cur ".host"
	span = arrived[stamps] - arrived[1]
	if (stamps < 12 || span < 1)
		return add_case(cur, id, "SKIP", "stamps: " stamps " in " sprintf("%.1f", span) " s tell no rate", 0)
	slope = host_slope(stamp_monotonic)
	host_metric("slope_monotonic", slope * 1e6, "ppm")
	slope = host_slope(stamp_raw)
	host_metric("slope", slope * 1e6, "ppm")
	host_metric("uncertainty", uncertainty * 1e6, "ppm")
	host_metric("samples", stamps, "stamps")
	if (uncertainty > 0.02)
		add_case(cur, id, "SKIP", sprintf("a steadier stream: the stamps' delays spread so much that the rate is known to %.1f %% only", \
			uncertainty * 100), span)
	else if (slope > 0.05 + uncertainty || slope < -0.05 - uncertainty)
		add_case(cur, id, "FAIL", sprintf("CLOCK_MONOTONIC_RAW is %.1f %% %s by the host's clock, known to %.2f %%", \
			slope < 0 ? -slope * 100 : slope * 100, slope < 0 ? "slow" : "fast", uncertainty * 100), span)
	else
		add_case(cur, id, "PASS", "", span)
}
