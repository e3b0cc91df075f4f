#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace hsconas {

/// What all drawings share. Lengths are pixels.

/// Yellow, the eighth colour of Okabe and Ito, is too faint on white.
inline constexpr std::array<std::string_view, 7> kColours{
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};

/// The largest width that `text` should take in a wide font, as we cannot measure it.
double text_width(std::string_view text, double char_width = 7.2);

/// `text` for XML and HTML, between tags or in a quoted attribute. Control characters, which XML
/// has not, become blanks; line ends too unless `keep_lines`.
std::string escaped(std::string_view text, bool keep_lines = false);

/// Pixels with at most two decimals: "12", "12.5", "-0.25".
std::string px(double value);

/// The opening tag of a document of class `name`, whose own height and width are these, and its
/// background.
std::string svg_head(std::string_view name, double width, double height, std::string_view label);

/// A text element; nothing for an empty text. `attributes` begin with a blank.
std::string svg_text(double x, double y, std::string_view attributes, std::string_view text);

/// A straight line.
std::string svg_line(double x1, double y1, double x2, double y2, std::string_view attributes);

}  // namespace hsconas
