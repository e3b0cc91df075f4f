#pragma once

#include <string>
#include <string_view>

namespace hsconas {

/// How the bytes of a file look.
enum class FileForm {
  Empty,      ///< Nothing, or only blanks.
  Binary,     ///< A known format that is not text in an 8-bit encoding.
  Unknown,    ///< Bytes that are no text and begin like no known format.
  Json,       ///< Begins like a JSON object or list.
  Markup,     ///< HTML or XML.
  Settings,   ///< YAML, TOML or INI.
  Separated,  ///< Lines of cells, separated by commas, semicolons or tabs.
  Text        ///< Any other text.
};

struct FileKind {
  FileForm form = FileForm::Text;
  std::string claim = {};   ///< "is a PNG image", "looks like YAML"; empty for Text.
  std::string remedy = {};  ///< "save it as UTF-8", where the kind has one for readers of text.
};

/// The kind of a file that begins with `bytes`, by the first bytes of known formats, otherwise by
/// the first lines.
FileKind kind_of_file(std::string_view bytes);

/// Says that `bytes` are no text in an 8-bit encoding, with the remedy: "is UTF-16 text; save it as
/// UTF-8", "is a PNG image, not CSV". `expected` names what the reader takes. Empty for text.
std::string other_than_text(std::string_view bytes, std::string_view expected);

/// Like other_than_text(), but also for text of a known form: "looks like YAML, not CSV". For a
/// reader that has found that `bytes` are not what it expected. Empty too for bytes of no known
/// format, unless text is expected.
std::string other_than(std::string_view bytes, std::string_view expected);

}  // namespace hsconas
