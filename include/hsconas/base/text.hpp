#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// Number of insertions, deletions and replacements of one character that turn `a` into `b`
/// (Levenshtein distance). Cost: O(|a| |b|).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// " (did you mean 'population'?)" for the known word nearest to `word`, or the whole list of
/// known words when none is near, or nothing when there are none. Made to end an error sentence.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

/// `text` cut at every `separator`; "a,,b" has three parts, "" has one empty part.
std::vector<std::string> split(std::string_view text, char separator);

/// The parts with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Whether `text` is UTF-8, as everything must be that a JSON file shall hold.
bool is_utf8(std::string_view text);

/// `text` for people: bytes that are not UTF-8 and control characters become "\xE9", so that any
/// file's name can be shown. Text that is fine stays as it is.
std::string printable(std::string_view text);

/// What `bytes` are if no text of 8-bit characters, with the remedy: "is UTF-16 text; save it as
/// UTF-8", "is gzip-compressed; unpack it first", "is a binary file, not text". Empty for text.
std::string other_than_text(std::string_view bytes);

/// As other_than_text(), and the first line that is not UTF-8.
std::string other_than_utf8(std::string_view bytes);

/// "41 s", "12 min 30 s", "3 h 05 min": a duration for people. `seconds` >= 0.
std::string format_duration(double seconds);

/// The shortest decimal text that reads back as exactly `value`.
std::string format_exact(double value);

}  // namespace hsconas
