#include "page.hpp"

#include <utility>

#include <fmt/format.h>

#include "hsconas/report/table.hpp"
#include "page_assets.hpp"
#include "svg.hpp"

namespace hsconas {

namespace {

/// Whether a cell is a number. Encoded architectures begin with digits too, but are long.
bool is_number(const std::string& cell) {
  constexpr std::size_t kLongest = 18;
  return cell.size() <= kLongest && looks_like_number(cell);
}

}  // namespace

void HtmlTable::add(std::vector<std::string> row, bool is_strong) {
  rows_.push_back({std::move(row), is_strong});
}

std::string HtmlTable::str() const {
  std::vector<bool> numeric(head_.size(), !rows_.empty());
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      numeric[i] = numeric[i] && is_number(row.cells[i]);
    }
  }
  constexpr std::size_t kLong = 40;  // Longer cells may break anywhere.
  const auto cells = [&](const std::vector<std::string>& texts, std::string_view tag) {
    std::string html;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      html += fmt::format("<{0}{1}>{2}</{0}>", tag,
                          numeric[i]                ? " class=\"number\""
                          : texts[i].size() > kLong ? " class=\"long\""
                                                    : "",
                          escaped(texts[i]));
    }
    return html;
  };
  std::string html =
      "<div class=\"table\"><table>\n<thead><tr>" + cells(head_, "th") + "</tr></thead>\n<tbody>\n";
  for (const Row& row : rows_) {
    html += fmt::format("<tr{}>{}</tr>\n", row.is_strong ? " class=\"strong\"" : "",
                        cells(row.cells, "td"));
  }
  return html + "</tbody>\n</table></div>\n";
}

std::string paragraph(std::string_view sentence) {
  return fmt::format("<p>{}</p>\n", escaped(sentence));
}

std::string fact(std::string_view name, std::string_view value, std::string_view more) {
  return fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", escaped(name), escaped(value),
                     more.empty() ? "" : fmt::format("<small>{}</small>", escaped(more)));
}

std::string figure(std::string_view svg, std::string_view caption) {
  return fmt::format(
      "<figure>\n<div class=\"drawing\">{}</div>\n{}</figure>\n", svg,
      caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>\n", escaped(caption)));
}

std::string section(std::string_view title, std::string_view body) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escaped(title), body);
}

std::string foldable(std::string_view title, std::string_view body) {
  return fmt::format("<details open>\n<summary>{}</summary>\n{}</details>\n", escaped(title), body);
}

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}<script>\n{}</script>\n"
      "</body>\n</html>\n",
      escaped(title), kStyle, body, kScript);
}

}  // namespace hsconas
