#include "hsconas/base/json_reader.hpp"

#include <algorithm>
#include <utility>

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

const nlohmann::json* JsonReader::find(std::string_view key) {
  asked_.emplace(key);
  const auto it = object_.find(std::string(key));
  return it == object_.end() ? nullptr : &*it;
}

std::string JsonReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

namespace {

/// How deep lists and objects stand in each other at most; brackets inside strings do not count.
std::size_t nesting(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!in_string && (c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& source, ErrorKind kind) {
  // What is nested deeper than any file of ours would exhaust the stack when it is written again.
  constexpr std::size_t kMaxNesting = 64;
  if (nesting(text) > kMaxNesting) {
    throw Error(kind, source + " is nested more than " + std::to_string(kMaxNesting) + " deep");
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const auto offset = std::min(error.byte == 0 ? 0 : error.byte - 1, text.size());
    const auto before = text.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto line_start = before.rfind('\n');
    const auto column = line_start == std::string_view::npos ? offset + 1 : offset - line_start;
    throw Error(kind, source + " is not valid JSON: line " + std::to_string(line) + ", column " +
                          std::to_string(column));
  } catch (const nlohmann::json::out_of_range&) {
    throw Error(kind, source + " holds a number too large for a double");
  }
}

}  // namespace hsconas
