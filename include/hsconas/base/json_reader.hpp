#pragma once

#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// Reads one JSON object strictly: a wrong type, a value out of range and a key
/// nobody asked for are all errors that carry the path of the value, such as
/// "search.population". A misspelt key must never silently mean "the default".
///
/// A reader borrows the JSON; call `finish()` once every key has been asked for.
/// `kind` is the kind of its errors: Usage for a config, Data for a data file.
class JsonReader {
 public:
  explicit JsonReader(const nlohmann::json& object, std::string path = {},
                      ErrorKind kind = ErrorKind::Usage);

  /// The value at `key`. Throws Error when absent or of another type.
  template <typename T>
  T required(std::string_view key) {
    const nlohmann::json* value = find(key);
    if (value == nullptr) fail(key, "is required");
    return convert<T>(key, *value);
  }

  /// The value at `key`, or `fallback` when the key is absent.
  template <typename T>
  T optional(std::string_view key, T fallback) {
    const nlohmann::json* value = find(key);
    return value == nullptr ? fallback : convert<T>(key, *value);
  }

  bool has(std::string_view key) { return find(key) != nullptr; }

  /// A reader for the object at `key`; it reports paths below this one.
  JsonReader child(std::string_view key);

  /// Throws Error that names the first key that was never asked for, and the nearest known one.
  void finish() const;

  [[noreturn]] void fail(std::string_view key, std::string_view problem) const;

 private:
  const nlohmann::json* find(std::string_view key);
  std::string path_of(std::string_view key) const;

  // nlohmann would silently turn 1.5 into 1, true into 1 and -1 into 4294967295.
  template <typename T>
  static bool holds(const nlohmann::json& value) {
    if constexpr (std::is_same_v<T, nlohmann::json>) {
      return true;
    } else if constexpr (std::is_same_v<T, bool>) {
      return value.is_boolean();
    } else if constexpr (std::is_integral_v<T>) {
      return holds_integer<T>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return value.is_number();
    } else if constexpr (requires { typename T::value_type; } && !std::is_same_v<T, std::string>) {
      if (!value.is_array()) return false;
      for (const auto& item : value) {
        if (!holds<typename T::value_type>(item)) return false;
      }
      return true;
    } else {
      return true;
    }
  }

  template <typename T>
  static bool holds_integer(const nlohmann::json& value) {
    if (value.is_number_unsigned()) {
      return value.get<std::uint64_t>() <=
             static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    }
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    if constexpr (std::is_unsigned_v<T>) return number >= 0;
    return number >= static_cast<std::int64_t>(std::numeric_limits<T>::min()) &&
           number <= static_cast<std::int64_t>(std::numeric_limits<T>::max());
  }

  /// Describes a T, for error messages.
  template <typename T>
  static std::string expected() {
    if constexpr (std::is_same_v<T, nlohmann::json>) {
      return "any value";
    } else if constexpr (std::is_same_v<T, bool>) {
      return "true or false";
    } else if constexpr (std::is_integral_v<T>) {
      if (std::is_unsigned_v<T>) return "a whole number >= 0";
      return sizeof(T) < sizeof(std::int64_t) ? "a whole number below 2^31" : "a whole number";
    } else if constexpr (std::is_floating_point_v<T>) {
      return "a number";
    } else if constexpr (std::is_same_v<T, std::string>) {
      return "a text in quotes";
    } else if constexpr (requires { typename T::mapped_type; }) {
      return "an object";
    } else if constexpr (requires { typename T::value_type; }) {
      return "a list, each " + expected<typename T::value_type>();
    } else {
      return "another one";
    }
  }

  [[noreturn]] void fail_type(std::string_view key, const nlohmann::json& value,
                              const std::string& expected) const;

  template <typename T>
  T convert(std::string_view key, const nlohmann::json& value) const {
    if (!holds<T>(value)) fail_type(key, value, expected<T>());
    try {
      return value.get<T>();
    } catch (const nlohmann::json::exception&) {
      fail_type(key, value, expected<T>());
    }
  }

  const nlohmann::json& object_;
  std::string path_;
  ErrorKind kind_;
  std::set<std::string, std::less<>> asked_;
};

/// Parses a JSON text. Throws Error(kind) that names `source` and the line and column at fault, or
/// says that the text is empty, UTF-16, YAML and the like. Throws Error(Usage) with the line when a
/// key occurs twice in an object, where JSON parsers would silently keep the last value.
nlohmann::json parse_json(std::string_view text, const std::string& source,
                          ErrorKind kind = ErrorKind::Usage);

}  // namespace hsconas
