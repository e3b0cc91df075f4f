#pragma once

#include <cstddef>
#include <regex>
#include <string>
#include <vector>

#include "catch.hpp"

namespace hsconas {

/// The part of a page under the heading `title`.
inline std::string section_of(const std::string& page, const std::string& title) {
  const std::size_t at = page.find("<h2>" + title + "</h2>");
  REQUIRE(at != std::string::npos);
  return page.substr(at, page.find("</section>", at) - at);
}

/// The drawings of a page, including nested SVG documents.
inline std::vector<std::string> drawings(const std::string& page) {
  std::vector<std::string> found;
  const std::string begin = "<div class=\"drawing\">";
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
    found.push_back(page.substr(at, page.find("</div>", at) - at));
  }
  return found;
}

/// Fails unless all tags are closed in order, apart from void elements and the script.
inline void check_well_formed_html(const std::string& page) {
  const std::size_t script = page.find("<script>");
  const std::string body = page.substr(0, script);
  const std::size_t start = body.find("<body>");
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([a-z][a-z0-9]*)((?: [a-zA-Z-]+(?:="[^"<>]*")?)*)(/?)>|<)");
  for (std::sregex_iterator it(body.begin() + static_cast<std::ptrdiff_t>(start), body.end(), tag),
       none;
       it != none; ++it) {
    const std::string name = (*it)[2];
    const std::string before = it->prefix();
    INFO(before.substr(before.size() > 200 ? before.size() - 200 : 0));
    REQUIRE_FALSE(name.empty());  // An empty name means an unescaped bracket.
    if ((*it)[1].length() > 0) {
      REQUIRE_FALSE(open.empty());
      REQUIRE(open.back() == name);
      open.pop_back();
    } else if ((*it)[4].length() == 0 && name != "br") {
      open.push_back(name);
    }
  }
  CHECK(open == std::vector<std::string>{"body"});
}

}  // namespace hsconas
