# SPDX-License-Identifier: GPL-2.0-only
# What the guest wrote, for XML and HTML. Records are printable ASCII already; whatever isn't becomes "?".

function xml(text) {
	gsub(/[^ -~]/, "?", text)
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	gsub(/"/, "\\&quot;", text)
	gsub(/'/, "\\&#39;", text)
	return text
}

# The time of day by the epoch, as ISO 8601 has it, in UTC.
function iso_time(epoch) { return epoch ~ /^[0-9]+([.]|$)/ && epoch < 4e9 ? strftime("%Y-%m-%dT%H:%M:%SZ", int(epoch), 1) : "1970-01-01T00:00:00Z" }
