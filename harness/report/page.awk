# SPDX-License-Identifier: GPL-2.0-only
# The frame of a page: its head with page.css (-v css=FILE), its sections, and parts that more than one page has. After markup.awk.
# No script, no network: the page's own policy forbids both.

function page_begin(title,    line) {
	print "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
	print "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
	print "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
	print "<link rel=\"icon\" href=\"data:,\">"
	print "<title>" xml(title) "</title>\n<style>"
	while ((getline line <css) > 0)
		print line
	close(css)
	print "</style>\n</head>\n<body>"
}

function page_end() { print "</main>\n</body>\n</html>" }

function short(text, limit) { return length(text) > limit ? substr(text, 1, limit - 3) "..." : text }

# What can be wider than a phone scrolls by itself, by keyboard as well.
function scroll_begin(name) { print "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" xml(name) "\">" }

# A table whose rows become blocks on a phone; head: its columns, by "|". What display: block takes away, the roles give back.
function stack_begin(caption, head,    n, i) {
	columns = split(head, column, "|")
	print "<table class=\"stack\" role=\"table\"><caption>" xml(caption) "</caption><thead role=\"rowgroup\"><tr role=\"row\">"
	for (i = 1; i <= columns; i++)
		print "<th scope=\"col\" role=\"columnheader\">" column[i] "</th>"
	print "</tr></thead><tbody role=\"rowgroup\">"
}

# One row; cell[1..columns] are HTML, the first is its head.
function stack_row(cell,    i, line) {
	line = "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\" data-label=\"" column[1] "\"><span>" cell[1] "</span></th>"
	for (i = 2; i <= columns; i++)
		line = line "<td role=\"cell\" data-label=\"" column[i] "\"><span>" (cell[i] == "" ? "-" : cell[i]) "</span></td>"
	print line "</tr>"
}

function stack_end() { print "</tbody></table>" }

function class_of_code(code) { return code == "0" ? "good" : code == 1 ? "bad" : "warn" }
