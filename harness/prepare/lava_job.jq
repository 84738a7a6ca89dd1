# SPDX-License-Identifier: GPL-2.0-only
# command.json of an exported guest (export.sh) -> LAVA's job in YAML: jq -r --arg name NAME --arg url URL --argjson seconds N
# The machine is LAVA's own template's (qemu.jinja2): what that sets by the job's context is said there, the rest are extra options.

# A word of QEMU's command line, which LAVA has taken apart as a shell would.
def quoted: if test("^[-A-Za-z0-9_.,:=/{}+]*$") then . else "'\(.)'" end;

# The options, each with its value: all but those that name a file, or those that do.
def options: reduce .[] as $word ([]; if $word | startswith("-") then . + [$word] else .[-1] += " " + ($word | quoted) end);
def names_file: test("\\{[A-Za-z0-9]+\\}");

# How long a guest may boot: an image loads a whole system, and a farm's machine may be as busy as a gate's (BOOT_TIMEOUT, and up to three times as much again).
(if .files.disk then 20 else 5 end) as $boot

# On arm64 the template has these from the context.
| (((if .arch == "arm64" then [] else ["-machine", .machine, "-cpu", .cpu] end) + .args) | options) as $options
| "# tickproof: \($name). Made by harness/lava.",
"device_type: qemu",
"job_name: \("tickproof \($name)" | tojson)",
"visibility: public",
"priority: medium",
"timeouts:",
"  job: {seconds: \($seconds + 60 * ($boot + 15))}",
"  action: {seconds: \([$seconds, 600, 60 * $boot] | max)}",
"  connection: {minutes: 2}",
"context:",
"  arch: \(.arch)",
(if .arch == "arm64" then "  cpu: \(.cpu | tojson)", "  machine: \(.machine | tojson)" else empty end),
"  no_kvm: true",
"  memory: \(.memory)",
"  extra_options:",
($options[] | select(names_file | not) | "  - \(tojson)"),
"actions:",
"- deploy:",
"    timeout: {minutes: 10}",
"    to: tmpfs",
"    images:",
(.files | to_entries[] | .key as $file
	| "      \($file):", "        url: \("\($url)/\(.value)" | tojson)",
	"        image_arg: \([$options[] | select(contains("{\($file)}"))] | join(" ") | tojson)"),
"- boot:",
"    timeout: {minutes: \($boot)}",
"    method: qemu",
"    media: tmpfs",
# The kernel says nothing ("quiet").
"    parameters: {kernel-start-message: \"\"}",
"    prompts: [\"# guest ready\"]",
"- test:",
"    timeout: {seconds: \($seconds)}",
"    monitors:",
"    - name: tickproof",
"      start: \"# RUN \"",
"      end: \"# guest done\"",
# What guest/signals prints.
"      pattern: \("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=(?P<test_case_id>[a-z0-9_.]+) RESULT=(?P<result>pass|fail|skip) UNITS=(?P<units>[^ >]*) MEASUREMENT=(?P<measurement>[-0-9.]+)>" | tojson)"
