#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hsconas {

/// Number of insertions, deletions and replacements of one character that turn `a` into `b`
/// (Levenshtein distance). Cost: O(|a| |b|).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// " (did you mean 'population'?)" for the known word that is nearest to `word` or begins with it,
/// or the whole list of known words when there is none, or nothing when the list is empty. To be
/// appended to a message.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

/// `text` cut at every `separator`; "a,,b" has three parts, "" has one empty part.
std::vector<std::string> split(std::string_view text, char separator);

/// The parts with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Whether `text` is valid UTF-8; JSON files can hold nothing else.
bool is_utf8(std::string_view text);

/// `text` made safe to print: control characters other than newline and tab, and bytes that are not
/// UTF-8, become escapes such as "\xE9"; everything else stays.
std::string printable(std::string_view text);

/// The number, from 1, of the first line that is not UTF-8; 0 if all are.
std::size_t first_line_not_utf8(std::string_view text);

/// A duration as "41 s", "12 min 30 s" or "3 h 05 min". `seconds` >= 0.
std::string format_duration(double seconds);

/// The shortest decimal text that reads back as exactly `value`.
std::string format_exact(double value);

}  // namespace hsconas
