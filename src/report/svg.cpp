#include "svg.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace hsconas {

double text_width(std::string_view text, double char_width) {
  // Characters, not bytes: UTF-8 continuation bytes have no width.
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  return char_width * static_cast<double>(characters);
}

std::string escaped(std::string_view text, bool keep_lines) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else {
      result += static_cast<unsigned char>(c) < 0x20 && !(keep_lines && c == '\n') ? ' ' : c;
    }
  }
  return result;
}

std::string px(double value) {
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string svg_head(std::string_view name, double width, double height, std::string_view label) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{0}\" width=\"{1}\" height=\"{2}\" "
      "viewBox=\"0 0 {1} {2}\" role=\"img\" aria-label=\"{3}\" "
      "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222\">\n"
      "<rect class=\"paper\" width=\"{1}\" height=\"{2}\" fill=\"#fff\"/>\n",
      name, px(std::ceil(width)), px(std::ceil(height)), escaped(label));
}

std::string svg_text(double x, double y, std::string_view attributes, std::string_view text) {
  if (text.empty()) return "";
  return fmt::format("<text x=\"{}\" y=\"{}\"{}>{}</text>\n", px(x), px(y), attributes,
                     escaped(text));
}

std::string svg_line(double x1, double y1, double x2, double y2, std::string_view attributes) {
  return fmt::format("<path d=\"M{} {}L{} {}\"{}/>\n", px(x1), px(y1), px(x2), px(y2), attributes);
}

}  // namespace hsconas
