#include "hsconas/train/safetensors.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <zlib.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 38U;

// Stands for the checksum while the checksum is taken.
constexpr std::string_view kNoDigits = "00000000";

uLong add_to_crc(uLong crc, std::string_view data) {
  while (!data.empty()) {
    const auto part = std::min<std::size_t>(data.size(), std::numeric_limits<uInt>::max());
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(part));
    data.remove_prefix(part);
  }
  return crc;
}

/// Where the checksum's digits lie in `header`, or npos. Found as text: quotes inside names and
/// values are escaped, so nothing but the metadata key can look like this.
std::size_t find_digits(std::string_view header) {
  constexpr std::string_view kMark = R"("crc32":")";
  const auto mark = header.find(kMark);
  if (mark == std::string_view::npos) return mark;
  const auto begin = mark + kMark.size();
  return begin + kNoDigits.size() <= header.size() ? begin : std::string_view::npos;
}

/// Of the whole file but for the digits at `digits`, which count as zeros.
std::string checksum(std::string_view file, std::size_t digits) {
  uLong crc = add_to_crc(::crc32(0L, Z_NULL, 0), file.substr(0, digits));
  crc = add_to_crc(crc, kNoDigits);
  return fmt::format("{:08x}", add_to_crc(crc, file.substr(digits + kNoDigits.size())));
}

torch::ScalarType scalar_type(const std::string& name) {
  if (name == "F32") return torch::kFloat;
  if (name == "I64") return torch::kLong;
  throw Error(ErrorKind::Data, "unknown dtype " + name);
}

torch::Tensor read_tensor(const json& entry, std::string_view data) {
  JsonReader reader(entry, "tensor", ErrorKind::Data);
  const auto type = scalar_type(reader.required<std::string>("dtype"));
  const auto shape = reader.required<std::vector<std::int64_t>>("shape");
  const auto offsets = reader.required<std::vector<std::uint64_t>>("data_offsets");
  reader.finish();
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size()) {
    throw Error(ErrorKind::Data, "its data_offsets lie outside the file");
  }
  // Compared step by step and with empty sides as 1, so that no shape can overflow a product, here
  // or in torch.
  std::uint64_t extent = c10::elementSize(type);
  bool is_empty = false;
  for (const std::int64_t side : shape) {
    const auto length = static_cast<std::uint64_t>(std::max<std::int64_t>(side, 1));
    if (side < 0 || extent > kMaxFileBytes / length) {
      throw Error(ErrorKind::Data, "its shape is impossible");
    }
    extent *= length;
    is_empty = is_empty || side == 0;
  }
  const std::uint64_t bytes = is_empty ? 0 : extent;
  if (bytes != offsets[1] - offsets[0]) {
    throw Error(ErrorKind::Data, "its shape and data_offsets disagree");
  }
  torch::Tensor tensor = torch::empty(shape, type);
  if (bytes > 0) std::memcpy(tensor.data_ptr(), data.data() + offsets[0], bytes);
  return tensor;
}

TensorFile parse(std::string_view contents) {
  if (contents.size() < kLengthBytes) throw Error(ErrorKind::Data, "too short");
  std::uint64_t length = 0;
  std::memcpy(&length, contents.data(), kLengthBytes);
  if (length > contents.size() - kLengthBytes) {
    throw Error(ErrorKind::Data, "its header is cut off");
  }
  const std::string_view text = contents.substr(kLengthBytes, length);
  const std::string_view data = contents.substr(kLengthBytes + length);
  const std::size_t digits = find_digits(text);
  if (digits == std::string_view::npos) throw Error(ErrorKind::Data, "it has no checksum");
  if (text.substr(digits, kNoDigits.size()) != checksum(contents, kLengthBytes + digits)) {
    throw Error(ErrorKind::Data, "it does not match its checksum");
  }
  const json header = parse_json(text, "header", ErrorKind::Data);
  if (!header.is_object()) throw Error(ErrorKind::Data, "its header is not an object");
  TensorFile file;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      try {
        file.tensors.emplace(name, read_tensor(entry, data));
      } catch (const Error& error) {
        throw Error(ErrorKind::Data, fmt::format("tensor {}: {}", name, error.what()));
      }
      continue;
    }
    JsonReader reader(entry, "__metadata__", ErrorKind::Data);
    for (const auto& item : entry.items()) {
      file.metadata[item.key()] = reader.required<std::string>(item.key());
    }
  }
  return file;
}

}  // namespace

void save_tensors(const std::filesystem::path& path, const TensorFile& file) {
  json header = json::object();
  std::string data;
  for (const auto& [name, tensor] : file.tensors) {
    const torch::Tensor dense = tensor.detach().cpu().contiguous();
    TORCH_INTERNAL_ASSERT(dense.scalar_type() == torch::kFloat ||
                          dense.scalar_type() == torch::kLong);
    const std::size_t begin = data.size();
    data.append(static_cast<const char*>(dense.data_ptr()), dense.nbytes());
    header[name] = {{"dtype", dense.scalar_type() == torch::kFloat ? "F32" : "I64"},
                    {"shape", dense.sizes().vec()},
                    {"data_offsets", {begin, data.size()}}};
  }
  auto metadata = file.metadata;
  metadata["crc32"] = kNoDigits;
  header["__metadata__"] = metadata;
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // The data start on a multiple of 8 bytes.
  const std::uint64_t length = text.size();
  std::string contents(kLengthBytes, '\0');
  std::memcpy(contents.data(), &length, kLengthBytes);
  contents += text;
  contents += data;
  const std::size_t digits = kLengthBytes + find_digits(text);
  contents.replace(digits, kNoDigits.size(), checksum(contents, digits));
  write_file(path, contents);
}

TensorFile load_tensors(const std::filesystem::path& path) {
  const std::string contents = read_file(path, kMaxFileBytes);
  try {
    return parse(contents);
  } catch (const Error& error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: not a usable tensor file: {}", path.string(), error.what()));
  }
}

}  // namespace hsconas
