#include "hsconas/base/json_reader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "hsconas/base/file_kind.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

JsonReader::JsonReader(const nlohmann::json& object, std::string path, ErrorKind kind)
    : object_(object), path_(std::move(path)), kind_(kind) {
  if (!object_.is_object()) {
    throw Error(kind_, (path_.empty() ? "config" : path_) + " must be a JSON object");
  }
}

JsonReader JsonReader::child(std::string_view key) {
  const nlohmann::json* value = find(key);
  if (value == nullptr) fail(key, "is required");
  return JsonReader(*value, path_of(key), kind_);
}

void JsonReader::finish() const {
  for (const auto& item : object_.items()) {
    if (asked_.contains(item.key())) continue;
    fail(item.key(), "is not a known key" + suggestion(item.key(), {asked_.begin(), asked_.end()}));
  }
}

void JsonReader::fail(std::string_view key, std::string_view problem) const {
  throw Error(kind_, path_of(key) + " " + std::string(problem));
}

void JsonReader::fail_type(std::string_view key, const nlohmann::json& value,
                           const std::string& expected) const {
  constexpr std::size_t kShown = 60;
  std::string shown = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (shown.size() > kShown) shown = shown.substr(0, kShown) + "...";
  fail(key, "has the wrong type: " + printable(shown) + " (expected: " + expected + ")");
}

const nlohmann::json* JsonReader::find(std::string_view key) {
  asked_.emplace(key);
  const auto it = object_.find(std::string(key));
  return it == object_.end() ? nullptr : &*it;
}

std::string JsonReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

namespace {

/// Index one past the closing quote of the string that opens at `text[start]`.
std::size_t end_of_string(std::string_view text, std::size_t start) {
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

/// Greatest depth of nested lists and objects; brackets inside strings do not count.
std::size_t nesting(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      i = end_of_string(text, i) - 1;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

struct RepeatedKey {
  std::string path;
  std::size_t line = 0;
  std::size_t first_line = 0;
};

/// The first key that occurs twice in one object of `text`, which must be valid JSON.
std::optional<RepeatedKey> repeated_key(std::string_view text) {
  struct Level {
    bool is_object = false;
    std::map<std::string, std::size_t> lines = {};  ///< Line of each key met so far.
    std::string key = {};                           ///< The key whose value comes next.
    std::size_t index = 0;                          ///< Index of the current item of a list.
  };
  std::vector<Level> levels;
  std::size_t line = 1;
  bool is_key_next = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
    } else if (c == '{' || c == '[') {
      levels.push_back({.is_object = c == '{'});
      is_key_next = c == '{';
    } else if (c == '}' || c == ']') {
      levels.pop_back();
    } else if (c == ',') {
      is_key_next = levels.back().is_object;
      ++levels.back().index;
    } else if (c == '"') {
      const std::size_t end = end_of_string(text, i);
      if (is_key_next) {
        // Keys are parsed before they are compared: "a" and "\u0061" are the same key.
        Level& level = levels.back();
        level.key = nlohmann::json::parse(text.substr(i, end - i)).get<std::string>();
        const auto [found, is_new] = level.lines.try_emplace(level.key, line);
        if (!is_new) {
          std::string path;
          for (const Level& outer : levels) {
            if (!path.empty()) path += '.';
            path += outer.is_object ? outer.key : std::to_string(outer.index);
          }
          return RepeatedKey{.path = path, .line = line, .first_line = found->second};
        }
        is_key_next = false;
      }
      i = end - 1;
    }
  }
  return std::nullopt;
}

/// Names the format of a text that is not JSON, with the remedy; empty if it is just broken JSON.
std::string why_no_json(std::string_view text) {
  if (std::string other = other_than_text(text, "JSON"); !other.empty()) return other;
  if (const std::size_t line = first_line_not_utf8(text); line > 0) {
    return "is not UTF-8 text (line " + std::to_string(line) + "); save it as UTF-8";
  }
  if (kind_of_file(text).form == FileForm::Empty) return "is empty, a JSON object is expected";
  return other_than(text, "JSON");
}

/// A common mistake that explains the error at `offset`; empty if there is none.
std::string hint_at(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) return ", it ends too early";
  const char c = text[offset];
  const std::size_t before = text.substr(0, offset).find_last_not_of(" \t\r\n");
  const bool after_comma = before != std::string_view::npos && text[before] == ',';
  if ((c == '}' || c == ']') && after_comma) return ", a comma stands before the closing bracket";
  if (c == '/' || c == '#') return ", JSON has no comments";
  if (c == '\'') return ", texts need double quotes";
  return {};
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& source, ErrorKind kind) {
  // nlohmann would take a zero byte for the end of the text. And what is not text may hold any
  // number of brackets.
  if (const std::string other = other_than_text(text, "JSON"); !other.empty()) {
    throw Error(kind, source + " " + other);
  }
  // Deeply nested JSON would exhaust the stack when it is written again; no valid file comes near.
  constexpr std::size_t kMaxNesting = 64;
  if (nesting(text) > kMaxNesting) {
    const std::string other = why_no_json(text);
    throw Error(kind,
                source + " " +
                    (other.empty() ? "is nested more than " + std::to_string(kMaxNesting) + " deep"
                                   : other));
  }
  try {
    nlohmann::json value = nlohmann::json::parse(text);
    if (const auto repeated = repeated_key(text)) {
      // Only a person writes a key twice, so it is a usage error in every kind of file.
      throw Error(ErrorKind::Usage,
                  source + ": line " + std::to_string(repeated->line) + ": the key \"" +
                      repeated->path + "\" occurs a second time, first on line " +
                      std::to_string(repeated->first_line) + "; leave one of them");
    }
    return value;
  } catch (const nlohmann::json::parse_error& error) {
    if (const std::string other = why_no_json(text); !other.empty()) {
      throw Error(kind, source + " " + other);
    }
    // error.byte does not count a byte-order mark.
    const std::size_t mark = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
    const auto offset = std::min(error.byte == 0 ? 0 : error.byte - 1 + mark, text.size());
    const auto before = text.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto line_start = before.rfind('\n');
    const auto column = line_start == std::string_view::npos ? offset + 1 : offset - line_start;
    throw Error(kind, source + " is not valid JSON: line " + std::to_string(line) + ", column " +
                          std::to_string(column) + hint_at(text, offset));
  } catch (const nlohmann::json::out_of_range&) {
    throw Error(kind, source + " holds a number too large for a double");
  }
}

}  // namespace hsconas
