# Plots a CSV with a header as SVG:
#   awk -v kind=KIND -v title=T -v xlabel=X -v ylabel=Y -f csv.awk -f plot.awk FILE.csv
# KIND      columns                       what is drawn
# points    series,x,y                    a circle for each line
# identity  series,x,y                    likewise, with the diagonal y = x
# lines     series,x,y                    circles joined in the order of the lines
# bars      series,label,value[,spread]   horizontal bars, grouped by label; spread is a whisker
# histogram series,value                  the shares of each series in equal ranges

function nice(rough,    power, digit) {
  if (rough <= 0) return 1
  power = 10 ^ floor(log(rough) / log(10) + 1e-9)
  digit = rough / power
  return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10)
}
function floor(v) { return v == int(v) || v > 0 ? int(v) : int(v) - 1 }
function ceil(v) { return -floor(-v) }
function colour(s) { return palette[(s - 1) % 8 + 1] }
# Eight digits keep a step such as 0.05 exact and hide the error of a sum.
function number(v) {
  v = sprintf("%.8g", v) + 0
  return v == 0 ? 0 : v >= 1e6 || v <= -1e6 ? sprintf("%.4g", v) : v
}
function text(x, y, anchor, words, more) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, xml(words)
}
function line(x1, y1, x2, y2, style) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, style
}
function at_x(v) { return left + (v - xmin) / (xmax - xmin) * wide }
function at_y(v) { return top + high - (v - ymin) / (ymax - ymin) * high }

BEGIN {
  split("#3366aa #dd7722 #339955 #aa3366 #777777 #8855bb #997722 #22a0a0", palette, " ")
  grid = "stroke=\"#dddddd\""
  axis = "stroke=\"#444444\""
}

NR > 1 && $0 != "" {
  n = split_csv($0, cells)
  if (!(cells[1] in series)) { series[cells[1]] = ++series_count; name[series_count] = cells[1] }
  ++count
  s[count] = series[cells[1]]
  x[count] = cells[2]
  y[count] = kind == "histogram" ? cells[2] : cells[3]
  spread[count] = kind == "bars" && n > 3 ? cells[4] + 0 : 0
  if (kind == "bars" && !(x[count] in label_row)) { label_row[x[count]] = ++labels; label[labels] = x[count] }
}

function range_of(values, extra,    i) {
  low = high_value = values[1] + 0
  for (i = 1; i <= count; ++i) {
    if (values[i] - extra[i] < low) low = values[i] - extra[i]
    if (values[i] + extra[i] > high_value) high_value = values[i] + extra[i]
  }
}
function widen(ticks,    gap) {
  if (high_value == low) { gap = low == 0 ? 1 : (low < 0 ? -low : low) * 0.1; low -= gap; high_value += gap }
  step = nice((high_value - low) / ticks)
  low = floor(low / step + 1e-9) * step
  high_value = ceil(high_value / step - 1e-9) * step
}
function x_axis(    v) {
  for (v = xmin; v <= xmax + xstep / 2; v += xstep) {
    line(at_x(v), top, at_x(v), top + high, grid)
    text(at_x(v), top + high + 16, "middle", number(v))
  }
  line(left, top + high, left + wide, top + high, axis)
  text(left + wide / 2, top + high + 36, "middle", xlabel)
}
function y_axis(    v) {
  for (v = ymin; v <= ymax + ystep / 2; v += ystep) {
    line(left, at_y(v), left + wide, at_y(v), grid)
    text(left - 6, at_y(v) + 4, "end", number(v))
  }
  line(left, top, left, top + high, axis)
  text(0, 0, "middle", ylabel, sprintf(" transform=\"translate(16 %.1f) rotate(-90)\"", top + high / 2))
}
function legend(    i) {
  if (series_count < 2 && name[1] == "") return
  for (i = 1; i <= series_count; ++i) {
    printf "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", left + wide + 14, top + 18 * i - 14, colour(i)
    text(left + wide + 30, top + 18 * i - 5, "start", name[i])
  }
}
function longest_name(    i, most) {
  most = 0
  for (i = 1; i <= series_count; ++i) if (length(name[i]) > most) most = length(name[i])
  return most
}

function draw_points(    i) {
  range_of(x, none); widen(6); xmin = low; xmax = high_value; xstep = step
  range_of(y, none); widen(6); ymin = low; ymax = high_value; ystep = step
  x_axis(); y_axis()
  if (kind == "identity") {
    low = xmin > ymin ? xmin : ymin
    high_value = xmax < ymax ? xmax : ymax
    if (low < high_value)
      line(at_x(low), at_y(low), at_x(high_value), at_y(high_value), axis " stroke-dasharray=\"4 3\"")
  }
  for (i = 1; i <= count; ++i) {
    if (kind == "lines" && (s[i] in last))
      line(at_x(x[last[s[i]]]), at_y(y[last[s[i]]]), at_x(x[i]), at_y(y[i]), "stroke=\"" colour(s[i]) "\" stroke-width=\"1.5\"")
    last[s[i]] = i
    printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\" fill-opacity=\"0.75\"/>\n", at_x(x[i]), at_y(y[i]), colour(s[i])
  }
}

function draw_bars(    i, zero, from, to, thick, y0) {
  range_of(y, spread)
  # Bars start at 0, unless all values are so close together that nothing could be seen.
  if (low > 0 && low < 0.7 * high_value) low = 0
  else if (low > 0) low -= (high_value - low) * 0.5 + high_value * 0.002
  if (high_value < 0) high_value = 0
  widen(6); xmin = low; xmax = high_value; xstep = step
  x_axis()
  thick = 14
  for (i = 1; i <= labels; ++i)
    text(left - 8, top + (i - 1) * group + group / 2 + 4, "end", label[i])
  zero = xmin > 0 ? xmin : 0
  for (i = 1; i <= count; ++i) {
    if (y[i] == "") continue
    y0 = top + (label_row[x[i]] - 1) * group + 4 + (s[i] - 1) * thick
    from = at_x(y[i] < zero ? y[i] : zero); to = at_x(y[i] < zero ? zero : y[i])
    printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", from, y0, to - from, thick - 2, colour(s[i])
    if (spread[i] > 0)
      line(at_x(y[i] - spread[i]), y0 + thick / 2 - 1, at_x(y[i] + spread[i]), y0 + thick / 2 - 1, "stroke=\"#000000\" stroke-width=\"1.5\"")
  }
  line(at_x(zero), top, at_x(zero), top + high, axis)
}

function draw_histogram(    i, b, bins, share, most, total, width, points, from, to) {
  range_of(y, none); widen(10); xmin = low; xmax = high_value; xstep = step
  width = step / 2
  bins = int((xmax - xmin) / width + 0.5)
  for (i = 1; i <= count; ++i) {
    b = int((y[i] - xmin) / width)
    if (b >= bins) b = bins - 1
    ++share[s[i], b]; ++total[s[i]]
  }
  most = 0
  for (i = 1; i <= series_count; ++i)
    for (b = 0; b < bins; ++b) if (share[i, b] / total[i] > most) most = share[i, b] / total[i]
  low = 0; high_value = 100 * most; widen(6); ymin = low; ymax = high_value; ystep = step
  x_axis(); y_axis()
  for (i = 1; i <= series_count; ++i) {
    points = sprintf("%.1f,%.1f", at_x(xmin), at_y(0))
    for (b = 0; b < bins; ++b) {
      from = at_x(xmin + b * width); to = at_x(xmin + (b + 1) * width)
      points = points sprintf(" %.1f,%.1f %.1f,%.1f", from, at_y(100 * share[i, b] / total[i]), to, at_y(100 * share[i, b] / total[i]))
    }
    points = points sprintf(" %.1f,%.1f", at_x(xmax), at_y(0))
    printf "<polygon points=\"%s\" fill=\"%s\" fill-opacity=\"0.15\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", points, colour(i), colour(i)
  }
}

END {
  left = 70; top = 40; wide = 480; high = 300
  if (kind == "bars") {
    for (i = 1; i <= labels; ++i) if (7 * length(label[i]) + 24 > left) left = 7 * length(label[i]) + 24
    group = 14 * series_count + 10
    high = group * labels
  }
  width = left + wide + 30 + (series_count > 1 || name[1] != "" ? 7 * longest_name() + 30 : 0)
  height = top + high + 50
  if (high < 18 * series_count && kind != "bars") height += 18 * series_count - high
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", width, height, width, height
  print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
  text(left, 22, "start", title, " font-size=\"14\" font-weight=\"bold\"")
  if (count == 0) text(left, top + 20, "start", "no values")
  else {
    if (kind == "bars") draw_bars()
    else if (kind == "histogram") draw_histogram()
    else draw_points()
    legend()
  }
  print "</svg>"
}
