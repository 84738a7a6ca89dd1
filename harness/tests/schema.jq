# SPDX-License-Identifier: GPL-2.0-only
# A JSON document against a JSON schema, as far as ours goes: jq -n --argfile schema SCHEMA -f schema.jq prints a line for each thing wrong
# in each input, and nothing for a valid one. A keyword that isn't known here is wrong as well: it would check nothing.

def kind: type as $t | if $t == "number" and . == floor then "integer" else $t end;

def wrong($s; $path):
	def say($why): "\($path): \($why)";
	. as $v
	| (($s | keys_unsorted) - ["$schema", "title", "description", "type", "required", "additionalProperties", "properties", "items", "enum",
		"const", "minimum", "pattern", "$ref", "$defs"] | .[] | say("the schema has the keyword \(.), which isn't checked")),
	(if $s["$ref"] then $s["$ref"][8:] as $name | $v | wrong($schema["$defs"][$name]; $path) else empty end),
	(if $s.type then
		([$s.type] | flatten) as $types | ($v | kind) as $kind
		| if any($types[]; . == $kind or (. == "number" and $kind == "integer")) then empty else say("\($kind), not \($types | join(" or "))") end
	else empty end),
	(if ($s | has("const")) and $v != $s.const then say("not \($s.const)") else empty end),
	(if $s.enum and ($s.enum | index([$v]) == null) then say("\($v) is none of \($s.enum | map(tostring) | join(", "))") else empty end),
	(if $s.minimum != null and $v < $s.minimum then say("less than \($s.minimum)") else empty end),
	(if $s.pattern and ($v | test($s.pattern) | not) then say("not like \($s.pattern)") else empty end),
	(if $v | type == "object" then
		($s.required // [] | .[] | . as $key | if $v | has($key) then empty else say("\($key) is missing") end),
		($v | keys_unsorted[] | . as $key
			| if $s.properties | has($key)? // false then $v[$key] | wrong($s.properties[$key]; $path + "." + $key)
			elif $s.additionalProperties == false then say("\($key) is unknown")
			elif $s.additionalProperties | type == "object" then $v[$key] | wrong($s.additionalProperties; $path + "." + $key)
			else empty end)
	else empty end),
	(if ($v | type == "array") and $s.items then $v | to_entries[] | .key as $i | .value | wrong($s.items; "\($path)[\($i)]") else empty end);

inputs | wrong($schema; "results")
