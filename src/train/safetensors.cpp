#include "hsconas/train/safetensors.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/torch.h>
#include <zlib.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/json_reader.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 38U;

std::string checksum(std::string_view data) {
  uLong crc = ::crc32(0L, Z_NULL, 0);
  while (!data.empty()) {
    const auto part = std::min<std::size_t>(data.size(), std::numeric_limits<uInt>::max());
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(part));
    data.remove_prefix(part);
  }
  return fmt::format("{:08x}", crc);
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
  // Compared step by step, so that a hostile shape cannot overflow the product.
  std::uint64_t bytes = c10::elementSize(type);
  const std::uint64_t stored = offsets[1] - offsets[0];
  for (const std::int64_t side : shape) {
    if (side < 0 || (side > 0 && bytes > stored / static_cast<std::uint64_t>(side))) {
      throw Error(ErrorKind::Data, "its shape needs more data than there is");
    }
    bytes *= static_cast<std::uint64_t>(side);
  }
  if (bytes != stored) throw Error(ErrorKind::Data, "its shape and data_offsets disagree");
  torch::Tensor tensor = torch::empty(shape, type);
  if (bytes > 0) std::memcpy(tensor.data_ptr(), data.data() + offsets[0], bytes);
  return tensor;
}

TensorFile parse(std::string_view contents) {
  if (contents.size() < kLengthBytes) throw Error(ErrorKind::Data, "too short");
  std::uint64_t length = 0;
  std::memcpy(&length, contents.data(), kLengthBytes);
  contents.remove_prefix(kLengthBytes);
  if (length > contents.size()) throw Error(ErrorKind::Data, "its header is cut off");
  const std::string_view data = contents.substr(length);
  const json header = parse_json(contents.substr(0, length), "header", ErrorKind::Data);
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
  const auto crc = file.metadata.find("crc32");
  if (crc != file.metadata.end() && crc->second != checksum(data)) {
    throw Error(ErrorKind::Data, "its data do not match its checksum");
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
  metadata["crc32"] = checksum(data);
  header["__metadata__"] = metadata;
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // The data start on a multiple of 8 bytes.
  const std::uint64_t length = text.size();
  std::string contents(kLengthBytes, '\0');
  std::memcpy(contents.data(), &length, kLengthBytes);
  contents += text;
  contents += data;
  write_file(path, contents);
}

TensorFile load_tensors(const std::filesystem::path& path) {
  const std::string contents = read_file(path, kMaxFileBytes);
  try {
    return parse(contents);
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, fmt::format("{}: not a usable tensor file: {}", path.string(),
                                             error.what()));
  }
}

}  // namespace hsconas
