# SPDX-License-Identifier: GPL-2.0-only
# An entry of a list of expected failures (docs/expectations.md): the one place that reads it. Needs lib/release.awk.

# A line of the list into entry["id"], "outcome", "expires", "kernel", "arch", "link", "seen", "reason" and "key", which no other entry has.
# What is wrong with it; "" if nothing is; "none" for a comment or an empty line.
function entry_read(line,    word, name, at) {
	split("", entry)
	gsub(/\t/, " ", line)
	gsub(/[^ -~]/, "?", line)
	sub(/^ +/, "", line)
	sub(/ +$/, "", line)
	if (line == "" || line ~ /^#/)
		return "none"
	entry["reason"] = line
	entry["id"] = entry_word()
	entry["outcome"] = entry_word()
	if (entry["id"] !~ /^[a-z0-9_.*?]+$/)
		return "\"" entry["id"] "\" is neither an id nor a pattern of ids"
	if (entry["outcome"] !~ /^(FAIL|DEAD|HANG|PANIC|RESET|FLOOD|ERROR)$/)
		return "the outcome must be FAIL, DEAD, HANG, PANIC, RESET, FLOOD or ERROR"
	while (match(entry["reason"], /^[a-z]+=[^ ]*/)) {
		word = entry_word()
		at = index(word, "=")
		name = substr(word, 1, at - 1)
		word = substr(word, at + 1)
		# As it was called at first.
		if (name == "kernels") {
			if (word !~ /^[0-9]+[.][0-9]+-[0-9]+[.][0-9]+$/)
				return "kernels= must be a range like 6.1-6.12, both included"
			name = "kernel"
			sub(/-/, "..", word)
		}
		if (name !~ /^(expires|kernel|arch|link|seen)$/)
			return name "= is not known; known: expires= kernel= arch= link= seen="
		if (name in entry)
			return name "= is there twice"
		entry[name] = word
	}
	if (entry["expires"] !~ /^[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/)
		return "expires=YYYY-MM-DD must follow the outcome"
	if ("kernel" in entry && !release_range_valid(entry["kernel"]))
		return "kernel= must be a range like 5.10..7.2, 6.12.. or ..6.14, both ends included"
	if ("arch" in entry && entry["arch"] !~ /^(amd64|arm64)$/)
		return "arch= must be amd64 or arm64"
	if ("link" in entry && entry["link"] == "")
		return "link= is empty"
	if ("seen" in entry && entry["seen"] != "sometimes")
		return "seen= must be sometimes, or be left out"
	if (entry["reason"] == "")
		return "the reason is missing"
	entry["key"] = entry["id"] " " entry["outcome"] " " entry["kernel"] " " entry["arch"]
	return ""
}

# The first word of what is left of the line, and takes it from there.
function entry_word(    word) {
	word = entry["reason"]
	sub(/ .*/, "", word)
	sub(/^[^ ]+ */, "", entry["reason"])
	return word
}

# Why an entry doesn't hold for this kernel and architecture, as the host knows them; "" if it does.
function entry_elsewhere(kernel_range, wanted_arch, release, arch) {
	if (wanted_arch != "" && arch != wanted_arch)
		return "this guest is " (arch == "" ? "of an unknown architecture" : arch) ", and the entry for " wanted_arch
	return release_outside(release, kernel_range)
}

function glob(pattern) {
	gsub(/\./, "[.]", pattern)
	gsub(/\*/, ".*", pattern)
	gsub(/\?/, ".", pattern)
	return "^" pattern "$"
}

# Can the pattern name anything that begins with this?
function names_some(pattern, prefix,    c) {
	c = substr(pattern, 1, 1)
	if (prefix == "" || c == "")
		return prefix == "" && c != ""
	if (c == "*")
		return names_some(substr(pattern, 2), prefix) || names_some(pattern, substr(prefix, 2))
	return (c == "?" || c == substr(prefix, 1, 1)) && names_some(substr(pattern, 2), substr(prefix, 2))
}
