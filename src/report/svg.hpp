#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace hsconas {

// Helpers of all drawings. Lengths are in pixels.

/// The empty border around a drawing.
inline constexpr double kMargin = 12;

/// Colours of Okabe and Ito, without their yellow, which is too pale on white.
inline constexpr std::array<std::string_view, 7> kColours{
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};

/// An upper estimate of the width of `text`, because the reader's font is not known.
double text_width(std::string_view text, double char_width = 7.2);

/// Escapes `text` for XML and HTML, between tags or in a quoted attribute. Control characters,
/// which XML does not allow, become blanks; so do line ends, unless `keep_lines`.
std::string escaped(std::string_view text, bool keep_lines = false);

/// Formats a length with at most two decimals: "12", "12.5", "-0.25".
std::string px(double value);

/// The opening tag of an SVG document with class `name`, this size and the accessible name `label`,
/// and its white background.
std::string svg_head(std::string_view name, double width, double height, std::string_view label);

/// A text element; empty for an empty text. `attributes` must be empty or begin with a blank.
std::string svg_text(double x, double y, std::string_view attributes, std::string_view text);

/// A straight line.
std::string svg_line(double x1, double y1, double x2, double y2, std::string_view attributes);

}  // namespace hsconas
