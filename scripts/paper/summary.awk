# Means over repetitions: reads a CSV whose first KEYS columns say what a line is and whose other
# columns are numbers, and writes one line for each different key, in order of appearance:
#   awk -v keys=2 -v formats='%.2f %.3f' -f csv.awk -f summary.awk FILE.csv
# A cell is the mean, with the standard deviation behind it (mean ± sd) if the key has several lines.
# Empty cells do not count. `formats` has a word for each column of numbers, and the last word serves
# for all further ones: a format of printf, a format with "!" behind it, which shows the mean alone,
# or "-", which leaves the column out.

function format_of(i) { return format[i - keys <= format_count ? i - keys : format_count] }

NR == 1 {
  columns = split_csv($0, head)
  format_count = split(formats, format, " ")
  line = csv_cell(head[1])
  for (i = 2; i <= columns; ++i)
    if (i <= keys || format_of(i) != "-") line = line "," csv_cell(head[i])
  print line
  next
}

{
  split_csv($0, cells)
  key = csv_cell(cells[1])
  for (i = 2; i <= keys; ++i) key = key "," csv_cell(cells[i])
  if (!(key in seen)) { seen[key] = 1; order[++count] = key }
  for (i = keys + 1; i <= columns; ++i) {
    if (cells[i] == "") continue
    ++n[key, i]; value[key, i, n[key, i]] = cells[i]; sum[key, i] += cells[i]
  }
}

function summary(key, i,    f, is_plain, mean, squares, k, text) {
  if (!n[key, i]) return ""
  f = format_of(i)
  is_plain = sub(/!$/, "", f)
  mean = sum[key, i] / n[key, i]
  text = sprintf(f, mean)
  if (n[key, i] == 1 || is_plain) return text
  for (k = 1; k <= n[key, i]; ++k) squares += (value[key, i, k] - mean) ^ 2
  sub(/\+/, "", f)
  return text " ± " sprintf(f, sqrt(squares / (n[key, i] - 1)))
}

END {
  for (c = 1; c <= count; ++c) {
    line = order[c]
    for (i = keys + 1; i <= columns; ++i)
      if (format_of(i) != "-") line = line "," summary(order[c], i)
    print line
  }
}
