#include "hsconas/supernet/safetensors.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <zlib.h>

#include <torch/types.h>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/rng.hpp"
#include "supernet/networks.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

namespace {

bool same_contents(const TensorFile& a, const TensorFile& b) {
  if (a.metadata != b.metadata || a.tensors.size() != b.tensors.size()) return false;
  for (const auto& [name, tensor] : a.tensors) {
    const auto other = b.tensors.find(name);
    if (other == b.tensors.end() || !same_bits(tensor, other->second)) return false;
  }
  return true;
}

/// A file of `header` and `data`, with a valid checksum if the header has a place for one.
std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  file += header + data;
  const auto mark = file.find("\"00000000\"");
  if (mark != std::string::npos) {
    const uLong crc =
        ::crc32(0, reinterpret_cast<const Bytef*>(file.data()), static_cast<uInt>(file.size()));
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08lx", crc);
    file.replace(mark + 1, 8, digits);
  }
  return file;
}

/// A header with one tensor "t" described by `entry`.
std::string header_of(const std::string& entry) {
  return R"({"__metadata__":{"crc32":"00000000"},"t":)" + entry + "}";
}

const std::string kEight = "\x01\x02\x03\x04\x05\x06\x07\x08";

}  // namespace

TEST_CASE("loading returns the saved tensors and metadata", "[train]") {
  const TemporaryFolder folder;
  const torch::Tensor base = normal_tensor({4, 6, 2, 3}, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  TensorFile file;
  file.tensors = {
      {"float", base},
      {"transposed", base.transpose(0, 2)},
      {"slice", base.narrow(1, 2, 3)},
      {"channels last", base.contiguous(torch::MemoryFormat::ChannelsLast)},
      {"integers", torch::tensor({std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}})},
      {"scalar", torch::tensor(2.5F)},
      {"empty", torch::empty({0, 3})},
      {"special", torch::tensor({nan, infinity, -infinity, -0.0F, 1e-42F})},
      {"needs gradient", torch::ones({2}).set_requires_grad(true)}};
  file.metadata = {{"next_step", "120"}, {"quotes", "\"crc32\":\"00000000\" \\ \n"}};
  save_tensors(folder / "a.safetensors", file);
  TensorFile loaded = load_tensors(folder / "a.safetensors");
  CHECK(loaded.metadata.at("crc32").size() == 8);
  loaded.metadata.erase("crc32");
  CHECK(same_contents(loaded, file));
  for (const auto& [name, tensor] : loaded.tensors) CHECK(tensor.is_contiguous());
}

TEST_CASE("a file without tensors can be saved and loaded", "[train]") {
  const TemporaryFolder folder;
  save_tensors(folder / "none", {});
  CHECK(load_tensors(folder / "none").tensors.empty());
}

TEST_CASE("a saved file has exactly the bytes of the safetensors format", "[train]") {
  const TemporaryFolder folder;
  save_tensors(
      folder / "golden",
      {{{"a", torch::tensor({1.0F, -2.0F})}, {"n", torch::tensor(3, torch::kLong)}}, {{"k", "v"}}});
  using namespace std::string_literals;
  // The checksum was computed independently, with Python's zlib.
  const std::string expected =
      "\x98\0\0\0\0\0\0\0"
      R"({"__metadata__":{"crc32":"8083b2b7","k":"v"},)"
      R"("a":{"data_offsets":[0,8],"dtype":"F32","shape":[2]},)"
      R"("n":{"data_offsets":[8,16],"dtype":"I64","shape":[]}})"
      " "
      "\0\0\x80\x3f\0\0\0\xc0"
      "\3\0\0\0\0\0\0\0"s;
  CHECK(read_file(folder / "golden") == expected);
}

TEST_CASE("saving replaces the old file", "[train]") {
  const TemporaryFolder folder;
  save_tensors(folder / "a", {{{"x", torch::ones({100})}}, {}});
  save_tensors(folder / "a", {{{"y", torch::ones({1})}}, {}});
  const TensorFile loaded = load_tensors(folder / "a");
  CHECK(loaded.tensors.size() == 1);
  CHECK(loaded.tensors.count("y") == 1);
}

TEST_CASE("an invalid file is a data error that names the file and the problem", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder / "bad.safetensors";
  const auto error = [&](const std::string& contents) {
    write_file(path, contents);
    const std::string message = error_of([&] { load_tensors(path); });
    const std::string start = "data: " + path.string() + ": not a usable tensor file: ";
    CHECK(message.starts_with(start));
    return message.substr(std::min(start.size(), message.size()));
  };
  const auto entry_error = [&](const std::string& entry) {
    return error(file_of(header_of(entry), kEight));
  };
  CHECK(error_of([&] { load_tensors(folder / "absent"); }).starts_with("data: "));
  CHECK(error("") == "too short");
  CHECK(error("1234567") == "too short");
  CHECK(error("\x89PNG\r\n\x1A\n" + std::string(3, '\0')) == "it is a PNG image");
  CHECK(error("PK\x03\x04 a checkpoint of PyTorch") ==
        "it is a ZIP archive or an Excel or OpenDocument file");
  CHECK(error("<html>\n<p>404</p>") == "it is HTML or XML");
  CHECK(error("step: 1\nlr: 0.1\n") == "it looks like YAML");
  CHECK(error("\xff\xff\xff\xff\xff\xff\xff\xff{}") == "its header is cut off");
  CHECK(error(file_of("{}", "")) == "it has no checksum");
  CHECK(error(file_of(R"({"__metadata__":{"crc32":"deadbeef"}})", "")) ==
        "it does not match its checksum");
  CHECK(error(file_of(R"({"__metadata__":{"crc32":"12)", "")) == "it has no checksum");
  CHECK(contains(error(file_of(R"([{"crc32":"00000000"}])", "")), "not an object"));
  CHECK(contains(error(file_of(R"({"crc32":"00000000",)", "")), "not valid JSON"));
  CHECK(contains(error(file_of(R"({"__metadata__":{"crc32":"00000000","n":3}})", "")),
                 "__metadata__.n"));

  const auto good = R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  write_file(path, file_of(header_of(good), kEight));
  CHECK(load_tensors(path).tensors.at("t").sizes() == torch::IntArrayRef{2});
  CHECK(entry_error(R"({"dtype":"F16","shape":[4],"data_offsets":[0,8]})") ==
        "tensor t: unknown dtype F16");
  CHECK(contains(entry_error(R"({"dtype":"F32","shape":[2],"data_offsets":[0,9]})"), "outside"));
  CHECK(contains(entry_error(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"), "outside"));
  CHECK(contains(entry_error(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "outside"));
  CHECK(
      contains(entry_error(R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})"), "wrong type"));
  for (const std::string shape : {"[3]", "[]", "[1,1]", "[0]", "[2,0]", "[1,1,1,1,1,1,1,1,1]"}) {
    CHECK(contains(entry_error(R"({"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,8]})"),
                   "its shape and data_offsets disagree"));
  }
  for (const std::string shape :
       {"[-2]", "[-1,-2]", "[9223372036854775807,2]", "[4294967296,4294967296]",
        "[0,4611686018427387904,4611686018427387904]"}) {
    CHECK(contains(entry_error(R"({"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,0]})"),
                   "its shape is impossible"));
  }
  for (const std::string shape :
       {"2", "[2.0]", "[true]", "\"2\"", "null", "[[2]]", "[1e99]", "[18446744073709551615]"}) {
    CHECK(contains(entry_error(R"({"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,8]})"),
                   "tensor.shape has the wrong type"));
  }
  CHECK(contains(entry_error("3"), "must be a JSON object"));
  CHECK(contains(entry_error(R"({"dtype":"F32","shape":[2]})"), "tensor.data_offsets is required"));
  CHECK(contains(entry_error(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})"),
                 "tensor.x is not a known key"));
}

TEST_CASE("every changed byte and every truncation is detected", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  save_tensors(path, {{{"weights", normal_tensor({5, 4}, 1)},
                       {"labels", torch::arange(7)},
                       {"none", torch::empty({0})}},
                      {{"next_step", "120"}, {"fingerprint", "0123456789abcdef"}}});
  const std::string whole = read_file(path);
  Rng rng(1, "damage");
  const auto accepted = [&](const std::string& contents) {
    write_file(path, contents);
    const std::string message = error_of([&] { load_tensors(path); });
    return !message.starts_with("data: " + path.string() + ": ");
  };
  int unnoticed = 0;
  for (int i = 0; i < 500; ++i) {
    std::string damaged = whole;
    // The first 100 rounds damage each of the first bytes once, the others a random byte.
    const std::size_t at = i < 100 ? static_cast<std::size_t>(i) : rng.index(whole.size());
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1 + rng.below(255)));
    unnoticed += accepted(damaged) ? 1 : 0;
  }
  for (int i = 0; i < 100; ++i) unnoticed += accepted(whole.substr(0, rng.index(whole.size())));
  unnoticed += accepted(whole + "x") ? 1 : 0;
  CHECK(unnoticed == 0);
  CHECK(accepted(whole));
}

TEST_CASE("saving to a folder that does not exist is a data error that names the file", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder / "absent/a";
  const std::string message = error_of([&] { save_tensors(path, {}); });
  CHECK(message.starts_with("data: "));
  CHECK(contains(message, path.string()));
}
