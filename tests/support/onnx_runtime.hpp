#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <torch/types.h>

#include "hsconas/base/files.hpp"
#include "hsconas/loader/loader.hpp"
#include "support/spaces.hpp"

namespace hsconas {

/// What is missing to run ONNX Runtime; empty if nothing is.
inline std::string why_no_onnx_runtime() {
  if (std::getenv("HSCONAS_ORT_NODE") == nullptr) {
    return "HSCONAS_ORT_NODE names no folder with onnxruntime-node";
  }
  return std::system("node --version > /dev/null 2>&1") == 0 ? "" : "no node";
}

/// The share of right answers of ONNX Runtime, which also writes FILE.optimized. With `is_exact`,
/// its sums do not saturate on any processor.
inline double accuracy_in_onnx_runtime(const std::filesystem::path& file,
                                       const std::vector<Batch>& batches, bool is_exact) {
  const std::string images = file.string() + ".images";
  std::ofstream out(images, std::ios::binary);
  for (const Batch& batch : batches) {
    const torch::Tensor dense = batch.images.contiguous();
    out.write(static_cast<const char*>(dense.data_ptr()),
              static_cast<std::streamsize>(dense.nbytes()));
  }
  out.close();
  const auto script = source_folder() / "tests/scripts/onnx_answers.mjs";
  const torch::Tensor& first = batches.front().images;
  const std::string command =
      fmt::format("node '{}' '{}' '{}' {} {} {}", script.string(), file.string(), images,
                  first.size(1), first.size(2), is_exact ? "exact" : "");
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  std::istringstream answers(read_file(file.string() + ".answers"));
  std::int64_t right = 0;
  std::int64_t count = 0;
  for (const Batch& batch : batches) {
    for (std::int64_t i = 0; i < batch.labels.size(0); ++i, ++count) {
      std::int64_t answer = -1;
      answers >> answer;
      right += answer == batch.labels[i].item<std::int64_t>() ? 1 : 0;
    }
  }
  return static_cast<double>(right) / static_cast<double>(count);
}

}  // namespace hsconas
