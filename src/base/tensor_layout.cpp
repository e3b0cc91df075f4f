#include "hsconas/base/tensor_layout.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr std::size_t kLengthBytes = 8;

// Replaces the checksum's digits while the checksum is computed.
constexpr std::string_view kNoDigits = "00000000";

/// The header's text. Throws Error(Data) when it would reach past the end of `file`.
std::string_view header_of(std::string_view file) {
  if (file.size() < kLengthBytes) throw Error(ErrorKind::Data, "too short");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length > file.size() - kLengthBytes) throw Error(ErrorKind::Data, "its header is cut off");
  return file.substr(kLengthBytes, length);
}

/// The position of the checksum's digits in `file`, or npos. A text search is enough: quotes inside
/// names and values are escaped, so only the metadata key matches.
std::size_t find_digits(std::string_view file) {
  constexpr std::string_view kMark = R"("crc32":")";
  const std::string_view header = header_of(file);
  const auto mark = header.find(kMark);
  if (mark == std::string_view::npos) return mark;
  const auto begin = mark + kMark.size();
  return begin + kNoDigits.size() <= header.size() ? kLengthBytes + begin : std::string_view::npos;
}

/// The checksum of the whole file with zeros in place of the digits at `digits`.
std::string checksum(std::string_view file, std::size_t digits) {
  Crc32 crc;
  crc.add(file.substr(0, digits));
  crc.add(kNoDigits);
  crc.add(file.substr(digits + kNoDigits.size()));
  return crc.digits();
}

std::size_t element_bytes(const std::string& dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "I64") return 8;
  throw Error(ErrorKind::Data, "unknown dtype " + dtype);
}

/// Reads one tensor's entry in the header. The data after the header begin at `data_begin` and have
/// `data_bytes` bytes.
TensorPlace read_place(const std::string& name, const json& entry, std::size_t data_begin,
                       std::size_t data_bytes) {
  JsonReader reader(entry, "tensor", ErrorKind::Data);
  TensorPlace place{.name = name,
                    .dtype = reader.required<std::string>("dtype"),
                    .shape = reader.required<std::vector<std::int64_t>>("shape")};
  const auto offsets = reader.required<std::vector<std::uint64_t>>("data_offsets");
  reader.finish();
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_bytes) {
    throw Error(ErrorKind::Data, "its data_offsets lie outside the file");
  }
  // Checks the product after each side, and counts empty sides as 1, so that no shape can overflow
  // a product here or in torch.
  constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 38U;
  std::uint64_t extent = element_bytes(place.dtype);
  bool is_empty = false;
  for (const std::int64_t side : place.shape) {
    const auto length = static_cast<std::uint64_t>(std::max<std::int64_t>(side, 1));
    if (side < 0 || extent > kMaxBytes / length) {
      throw Error(ErrorKind::Data, "its shape is impossible");
    }
    extent *= length;
    is_empty = is_empty || side == 0;
  }
  place.begin = data_begin + offsets[0];
  place.bytes = is_empty ? 0 : extent;
  if (place.bytes != offsets[1] - offsets[0]) {
    throw Error(ErrorKind::Data, "its shape and data_offsets disagree");
  }
  return place;
}

}  // namespace

TensorLayout parse_tensor_layout(std::string_view file) {
  const std::string_view text = header_of(file);
  const std::size_t digits = find_digits(file);
  if (digits == std::string_view::npos) throw Error(ErrorKind::Data, "it has no checksum");
  if (file.substr(digits, kNoDigits.size()) != checksum(file, digits)) {
    throw Error(ErrorKind::Data, "it does not match its checksum");
  }
  const json header = parse_json(text, "header", ErrorKind::Data);
  if (!header.is_object()) throw Error(ErrorKind::Data, "its header is not an object");
  const std::size_t data_begin = kLengthBytes + text.size();
  TensorLayout layout;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      try {
        layout.tensors.push_back(read_place(name, entry, data_begin, file.size() - data_begin));
      } catch (const Error& error) {
        throw Error(ErrorKind::Data, fmt::format("tensor {}: {}", name, error.what()));
      }
      continue;
    }
    JsonReader reader(entry, "__metadata__", ErrorKind::Data);
    for (const auto& item : entry.items()) {
      layout.metadata[item.key()] = reader.required<std::string>(item.key());
    }
  }
  return layout;
}

bool set_checksum(std::string& file) {
  const std::size_t digits = find_digits(file);
  if (digits == std::string_view::npos) return false;
  file.replace(digits, kNoDigits.size(), checksum(file, digits));
  return true;
}

}  // namespace hsconas
