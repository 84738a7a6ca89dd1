# SPDX-License-Identifier: GPL-2.0-only
# LAVA's log, line by line, by jq -R -r -> EPOCH, KIND, TEXT, tab-separated: boot (QEMU's command), guest (a line of its), result (that LAVA has taken:
# ID, RESULT, MEASUREMENT), error (LAVA's). What LAVA prints is YAML, of which all that is needed here is JSON.

def clean: gsub("\u001b\\[[0-9;?]*[A-Za-z]|\u001bc"; "") | gsub("[\t\r]"; " ") | gsub("[^ -~]"; "?");
def epoch: (.[0:19] + "Z" | fromdateiso8601 | tostring) + (if .[19:20] == "." then .[19:26] else ".000000" end);

ltrimstr("- ") | fromjson? | select(.dt and .msg) | (.dt | epoch) as $at
| (.msg | if type == "string" then . else "" end) as $text
| if .lvl == "target" then [$at, "guest", ($text | clean)]
	elif .lvl == "info" and ($text | startswith("Boot command: ")) then [$at, "boot", ($text[14:] | clean)]
	elif .lvl == "results" and .msg.definition == "tickproof" then [$at, "result", "\(.msg.extra.test_case_id) \(.msg.result) \(.msg.measurement)"]
	elif .lvl == "error" and $text != "" then [$at, "error", ($text | clean)]
	elif .lvl == "results" and .msg.definition == "lava" and .msg.case == "job" then [$at, "job", "\(.msg.result) \(.msg.error_type // "") \(.msg.error_msg // "")" | clean]
	else empty end | join("\t")
