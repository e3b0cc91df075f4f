# The columns of a CSV whose names are in the list `names`, in that order:
#   awk -v names=method,seconds -f csv.awk -f columns.awk FILE.csv
NR == 1 {
  count = split_csv($0, cells)
  for (i = 1; i <= count; ++i) at[cells[i]] = i
  wanted = split(names, name, ",")
}
{
  split_csv($0, cells)
  line = csv_cell(cells[at[name[1]]])
  for (i = 2; i <= wanted; ++i) line = line "," csv_cell(cells[at[name[i]]])
  print line
}
