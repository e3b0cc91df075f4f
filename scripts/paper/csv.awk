# Functions for the awk programs of this folder.

# Splits a line of CSV into cells[1..n] and returns n. A quoted cell may hold commas and "".
function split_csv(line, cells,    n, cell, quoted, i, c) {
  n = 0; cell = ""; quoted = 0
  for (i = 1; i <= length(line); ++i) {
    c = substr(line, i, 1)
    if (c == "\"") {
      if (quoted && substr(line, i + 1, 1) == "\"") { cell = cell c; ++i }
      else quoted = !quoted
    } else if (c == "," && !quoted) { cells[++n] = cell; cell = "" }
    else cell = cell c
  }
  cells[++n] = cell
  return n
}

# A cell as CSV, in quotes if it needs them.
function csv_cell(text) {
  if (text !~ /[",]/) return text
  gsub(/"/, "\"\"", text)
  return "\"" text "\""
}

# A numeric cell may have an error or a bound: "91.2 ± 0.1", "4e+07", "> 400".
function looks_numeric(text) {
  gsub(/[eE][-+]?[0-9]/, "0", text)
  return text == "" || text == "-" || text ~ /^[<>]? ?[-+]?[0-9.]/ && text !~ /[A-Za-z]/
}

function xml(text) {
  gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
  return text
}
