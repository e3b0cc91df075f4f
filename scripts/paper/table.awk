# Writes a CSV with a header as a table:
#   awk -v form=md|tex|html -v caption=TEXT -f csv.awk -f table.awk FILE.csv
# Columns that hold only numbers are aligned to the right.

function tex(text) {
  gsub(/\\/, "\001", text)
  gsub(/[&%$#_{}]/, "\\\\&", text)
  gsub(/\001/, "\\textbackslash{}", text)
  gsub(/~/, "\\textasciitilde{}", text); gsub(/\^/, "\\textasciicircum{}", text)
  gsub(/</, "$<$", text); gsub(/>/, "$>$", text)
  gsub(/±/, "$\\pm$", text)
  return text
}

function markdown(text) { gsub(/\|/, "\\|", text); return text }

{
  n = split_csv($0, cells)
  for (i = 1; i <= n; ++i) {
    cell[NR, i] = cells[i]
    if (NR > 1 && !looks_numeric(cells[i])) is_text[i] = 1
  }
  if (n > columns) columns = n
}

function row(r, before, between, after,    i, line) {
  line = before
  for (i = 1; i <= columns; ++i)
    line = line (i > 1 ? between : "") (form == "tex" ? tex(cell[r, i]) : markdown(cell[r, i]))
  print line after
}

function html_row(r, tag,    i, line) {
  line = "<tr>"
  for (i = 1; i <= columns; ++i)
    line = line "<" tag (i in is_text ? "" : " class=\"number\"") ">" xml(cell[r, i]) "</" tag ">"
  print line "</tr>"
}

END {
  if (form == "md") {
    print caption "\n"
    row(1, "| ", " | ", " |")
    line = "|"
    for (i = 1; i <= columns; ++i) line = line (i in is_text ? "---|" : "---:|")
    print line
    for (r = 2; r <= NR; ++r) row(r, "| ", " | ", " |")
  } else if (form == "tex") {
    print "\\begin{table}\n\\caption{" tex(caption) "}"
    line = ""
    for (i = 1; i <= columns; ++i) line = line (i in is_text ? "l" : "r")
    print "\\begin{tabular}{" line "}\n\\hline"
    row(1, "", " & ", " \\\\ \\hline")
    for (r = 2; r <= NR; ++r) row(r, "", " & ", " \\\\")
    print "\\hline\n\\end{tabular}\n\\end{table}"
  } else {
    print "<table><caption>" xml(caption) "</caption>\n<thead>"
    html_row(1, "th")
    print "</thead><tbody>"
    for (r = 2; r <= NR; ++r) html_row(r, "td")
    print "</tbody></table>"
  }
}
