#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/reference/timeloop.hpp"
#include "timeloop_loops.hpp"

namespace hsconas {

namespace {

std::optional<MappingLoop> read_loop(std::string_view line) {
  // "| for Q in [0:14) (Spatial-X)"
  const auto words = line.find("for ");
  const auto range = line.find(" in [0:");
  const auto close = line.find(')', range);
  if (words == std::string_view::npos || range == std::string_view::npos ||
      close == std::string_view::npos || range != words + 5) {
    return std::nullopt;
  }
  MappingLoop loop{.dim = line[words + 4] == 'M' ? 'K' : line[words + 4]};
  if (timeloop::letter(loop.dim) == std::string_view::npos) return std::nullopt;
  const std::string_view digits = line.substr(range + 7, close - range - 7);
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  loop.bound = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    loop.bound = loop.bound * 10 + (c - '0');
  }
  if (loop.bound < 1) return std::nullopt;
  loop.is_spatial = line.find("(Spatial-") != std::string_view::npos;
  return loop;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

Mapping parse_mapping(std::string_view text) {
  std::string lines(text);
  std::replace(lines.begin(), lines.end(), ';', '\n');
  Mapping mapping;
  for (const std::string& whole : split(lines, '\n')) {
    const std::string_view line = trimmed(whole);
    if (line.empty() || line.starts_with("--") || line.find("<<") != std::string_view::npos) {
      continue;
    }
    if (line.front() == '|') {
      const auto loop = read_loop(line);
      if (!loop || mapping.levels.empty()) {
        throw Error(ErrorKind::Data, fmt::format("not a loop of a mapping: '{}'", line));
      }
      mapping.levels.back().loops.push_back(*loop);
      continue;
    }
    const auto bracket = line.find('[');
    if (bracket == std::string_view::npos || bracket == 0) {
      throw Error(ErrorKind::Data, fmt::format("not a level of a mapping: '{}'", line));
    }
    mapping.levels.push_back({std::string(trimmed(line.substr(0, bracket))), {}});
  }
  if (mapping.levels.empty()) throw Error(ErrorKind::Data, "a mapping needs at least one level");
  return mapping;
}

}  // namespace hsconas
