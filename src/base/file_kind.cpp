#include "hsconas/base/file_kind.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include <fmt/format.h>

#include "hsconas/base/text.hpp"

namespace hsconas {

using namespace std::string_view_literals;

namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

/// The bytes by which a format is known, at a fixed place of the file.
struct Mark {
  std::size_t at;
  std::string_view bytes;
  const char* claim;
  const char* remedy = "";
  bool may_be_text = false;  ///< Then the file must also hold a byte 0, as no text does.
};

constexpr const char* kUnpack = "unpack it first";
constexpr const char* kSaveAsText = "save it as plain text";

constexpr std::array kMarks{
    Mark{0, "\x7F\x45LF"sv, "is a program or library (ELF)"},
    Mark{0, "\xCF\xFA\xED\xFE"sv, "is a program or library (Mach-O)"},
    Mark{0, "MZ\x90\0"sv, "is a program or library (Windows)"},
    Mark{0, "\x1F\x8B"sv, "is gzip-compressed", kUnpack},
    Mark{4, "1AY&SY"sv, "is bzip2-compressed", kUnpack},
    Mark{0, "\xFD\x37zXZ\0"sv, "is xz-compressed", kUnpack},
    Mark{0, "\x28\xB5\x2F\xFD"sv, "is zstd-compressed", kUnpack},
    Mark{0, "\x04\x22\x4D\x18"sv, "is lz4-compressed", kUnpack},
    Mark{0, "7z\xBC\xAF\x27\x1C"sv, "is a 7z archive", kUnpack},
    Mark{0, "Rar!\x1A\x07"sv, "is a RAR archive", kUnpack},
    Mark{257, "ustar"sv, "is a tar archive", kUnpack, true},
    Mark{0, "PK\x03\x04"sv, "is a ZIP archive or an Excel or OpenDocument file", kSaveAsText},
    Mark{0, "PK\x05\x06"sv, "is an empty ZIP archive"},
    Mark{0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "is an old Excel, Word or other Office file",
         kSaveAsText},
    Mark{0, "%PDF-"sv, "is a PDF document"},
    Mark{0, "\x89PNG\r\n\x1A\n"sv, "is a PNG image"},
    Mark{0, "\xFF\xD8\xFF"sv, "is a JPEG image"},
    Mark{0, "GIF87a"sv, "is a GIF image"},
    Mark{0, "GIF89a"sv, "is a GIF image"},
    Mark{0, "BM"sv, "is a BMP image", "", true},
    Mark{0, "II*\0"sv, "is a TIFF image"},
    Mark{0, "MM\0*"sv, "is a TIFF image"},
    Mark{8, "WEBP"sv, "is a WebP image", "", true},
    Mark{0, "\xFF\x0A"sv, "is a JPEG XL image"},
    Mark{4, "JXL "sv, "is a JPEG XL image", "", true},
    Mark{4, "jP  "sv, "is a JPEG 2000 image", "", true},
    Mark{4, "ftypavif"sv, "is an AVIF image", "", true},
    Mark{4, "ftyphei"sv, "is a HEIC image", "", true},
    Mark{4, "ftyphev"sv, "is a HEIC image", "", true},
    Mark{4, "ftypmif1"sv, "is a HEIC image", "", true},
    Mark{4, "ftyp"sv, "is an MP4 or other video", "", true},
    Mark{0, "SQLite format 3\0"sv, "is an SQLite database"},
    Mark{0, "\x89HDF\r\n\x1A\n"sv, "is an HDF5 file"},
    Mark{0, "\x93NUMPY"sv, "is a NumPy array"},
    Mark{0, "PAR1"sv, "is a Parquet file", "", true},
    Mark{0, "ARROW1"sv, "is an Arrow file", "", true},
};

/// Whether `bytes` are UTF-16. Without a byte-order mark, every second byte of Latin text is 0.
bool is_utf16(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 64);
  const auto zeros = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\0'));
  const bool alternates = head.size() >= 4 && zeros * 2 >= head.size() - 1 &&
                          zeros * 2 <= head.size() + 1 && (head[0] == '\0') != (head[1] == '\0');
  return alternates || bytes.starts_with("\xFF\xFE"sv) || bytes.starts_with("\xFE\xFF"sv);
}

/// Whether `bytes` hold so many control characters that they are no text, as compressed data do.
bool is_full_of_controls(std::string_view bytes) {
  constexpr unsigned char kEscape = 0x1B;  // Begins the terminal colours in a log.
  constexpr std::size_t kShare = 32;
  const std::string_view head = bytes.substr(0, 1024);
  const auto controls =
      static_cast<std::size_t>(std::count_if(head.begin(), head.end(), [](char c) {
        const auto code = static_cast<unsigned char>(c);
        return code < 0x20 && !(code >= '\b' && code <= '\r') && code != kEscape;
      }));
  return controls > 1 && controls * kShare > head.size();
}

/// The kind of bytes that are not 8-bit text; Text for all others.
FileKind kind_of_bytes(std::string_view bytes) {
  const bool has_zero = bytes.find('\0') != std::string_view::npos;
  for (const Mark& mark : kMarks) {
    if (mark.may_be_text && !has_zero) continue;
    if (bytes.size() >= mark.at && bytes.substr(mark.at).starts_with(mark.bytes)) {
      return {FileForm::Binary, mark.claim, mark.remedy};
    }
  }
  if (bytes.starts_with("\xFF\xFE\0\0"sv) || bytes.starts_with("\0\0\xFE\xFF"sv)) {
    return {FileForm::Binary, "is UTF-32 text", "save it as UTF-8"};
  }
  if (is_utf16(bytes)) return {FileForm::Binary, "is UTF-16 text", "save it as UTF-8"};
  if (has_zero || is_full_of_controls(bytes)) return {FileForm::Unknown, "is a binary file"};
  return {};
}

/// Takes the first line that is not blank off the front of `rest`; empty at the end.
std::string_view take_full_line(std::string_view& rest) {
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      return line.substr(0, line.find_last_not_of(" \t\r") + 1);
    }
  }
  return {};
}

/// Whether `line` is [table] of TOML or a section of INI, rather than a JSON list.
bool is_section(std::string_view line) {
  if (line.size() < 3 || line.front() != '[' || line.back() != ']') return false;
  const std::string_view name = line.substr(1, line.size() - 2);
  const bool is_word = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ' ' || c == '[' || c == ']';
  });
  const bool is_number = name.find_first_not_of("0123456789.-[] ") == std::string_view::npos;
  return is_word && !is_number && name != "true" && name != "false" && name != "null";
}

/// YAML, TOML or INI by the first line that is no comment; Text if it is neither.
FileKind kind_of_settings(std::string_view body) {
  while (!body.empty()) {
    const std::string_view line = take_full_line(body);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    const bool is_key =
        colon != std::string_view::npos && colon > 0 &&
        (colon + 1 == line.size() || line[colon + 1] == ' ' || line[colon + 1] == '\t');
    if (line.starts_with("---") || line.starts_with("- ") || is_key) {
      return {FileForm::Settings, "looks like YAML"};
    }
    if (is_section(line) || line.find(" = ") != std::string_view::npos) {
      return {FileForm::Settings, "looks like TOML or INI"};
    }
    if (line[0] != '#' && line[0] != ';') break;
  }
  return {};
}

/// Separated by a character that every one of the first lines has equally often; Text otherwise.
FileKind kind_of_table(std::string_view body) {
  const std::string_view header = take_full_line(body);
  const std::string_view row = take_full_line(body);
  for (const auto& [separator, claim] : {std::pair('\t', "is text separated by tabs"),
                                         {';', "is text separated by semicolons"},
                                         {',', "looks like CSV"}}) {
    const auto cells = std::count(header.begin(), header.end(), separator);
    if (cells > 0 && (row.empty() ? separator == '\t'
                                  : std::count(row.begin(), row.end(), separator) == cells)) {
      return {FileForm::Separated, claim};
    }
  }
  return {};
}

bool takes_text(std::string_view expected) {
  return expected == "JSON" || expected == "CSV";
}

/// The sentence about a file of this kind.
std::string sentence(const FileKind& kind, std::string_view expected) {
  if (kind.form == FileForm::Settings && expected == "JSON")
    return kind.claim + "; write it as JSON";
  if (takes_text(expected) && !kind.remedy.empty()) return kind.claim + "; " + kind.remedy;
  return fmt::format("{}, not {}", kind.claim, expected);
}

}  // namespace

FileKind kind_of_file(std::string_view bytes) {
  if (FileKind kind = kind_of_bytes(bytes); kind.form != FileForm::Text) return kind;
  if (bytes.starts_with(kUtf8Mark)) bytes.remove_prefix(kUtf8Mark.size());
  const std::size_t start = bytes.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {FileForm::Empty, "is empty"};
  const std::string_view body = bytes.substr(start);
  if (body.starts_with('<')) return {FileForm::Markup, "is HTML or XML"};
  if (body.starts_with('"')) return {};  // A JSON text, or the first cell of a table.
  std::string_view rest = body;
  if (body.starts_with('{') || (body.starts_with('[') && !is_section(take_full_line(rest)))) {
    return is_utf8(bytes) ? FileKind{FileForm::Json, "is JSON"} : FileKind{};
  }
  if (FileKind kind = kind_of_settings(body); kind.form != FileForm::Text) return kind;
  return kind_of_table(body);
}

std::string other_than_text(std::string_view bytes, std::string_view expected) {
  const FileKind kind = kind_of_bytes(bytes);
  return kind.form == FileForm::Text ? "" : sentence(kind, expected);
}

std::string other_than(std::string_view bytes, std::string_view expected) {
  const FileKind kind = kind_of_file(bytes);
  if (kind.form == FileForm::Unknown && !takes_text(expected)) return "";
  const bool is_expected = (kind.form == FileForm::Json && expected == "JSON") ||
                           (kind.form == FileForm::Separated && expected == "CSV");
  return kind.claim.empty() || is_expected ? "" : sentence(kind, expected);
}

}  // namespace hsconas
