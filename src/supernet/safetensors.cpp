#include "hsconas/supernet/safetensors.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/file_kind.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/tensor_layout.hpp"

namespace hsconas {

using nlohmann::json;

namespace {

TensorFile parse(std::string_view contents) {
  TensorLayout layout = parse_tensor_layout(contents);
  TensorFile file;
  file.metadata = std::move(layout.metadata);
  for (const TensorPlace& place : layout.tensors) {
    torch::Tensor tensor =
        torch::empty(place.shape, place.dtype == "F32" ? torch::kFloat : torch::kLong);
    if (place.bytes > 0) {
      std::memcpy(tensor.data_ptr(), contents.data() + place.begin, place.bytes);
    }
    file.tensors.emplace(place.name, std::move(tensor));
  }
  return file;
}

/// What is wrong with a file that cannot be parsed because of `reason`: its kind, if it is known
/// and the file does not even begin like one of tensors.
std::string problem_of(std::string_view contents, const std::string& reason) {
  constexpr std::size_t kHeader = 8;  // Behind its length.
  if (contents.size() > kHeader && contents[kHeader] == '{') return reason;
  const FileKind kind = kind_of_file(contents);
  const bool is_vague =
      kind.form == FileForm::Text || kind.form == FileForm::Unknown || kind.form == FileForm::Empty;
  return is_vague ? reason : "it " + kind.claim;
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
  metadata["crc32"] = "00000000";
  header["__metadata__"] = metadata;
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // The data start on a multiple of 8 bytes.
  const std::uint64_t length = text.size();
  std::string contents(sizeof length, '\0');
  std::memcpy(contents.data(), &length, sizeof length);
  contents += text;
  contents += data;
  set_checksum(contents);
  write_file(path, contents);
}

TensorFile load_tensors(const std::filesystem::path& path) {
  return parse_tensors(read_file(path, kMostTensorBytes), path);
}

TensorFile parse_tensors(std::string_view contents, const std::filesystem::path& source) {
  try {
    return parse(contents);
  } catch (const Error& error) {
    throw Error(ErrorKind::Data, fmt::format("{}: not a usable tensor file: {}", source.string(),
                                             problem_of(contents, error.what())));
  }
}

}  // namespace hsconas
