#include "hsconas/stages/compression_run.hpp"

#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "compressor.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/pipeline/run.hpp"
#include "run_data.hpp"

namespace hsconas {

namespace {

/// Tests the network on the test images. Writes its model, its ONNX file and, if it has integers,
/// int8.json into `dir`. Returns the accuracy of what was compressed.
double deploy(const CompressedModel& made, const RunData& data, const WorkDir& dir,
              const torch::Device& device, const StopToken& stop) {
  const FrozenNetwork network = made.model.network.to(device);
  std::optional<Int8Network> integers;
  if (made.int8) integers.emplace(made.int8->network, device);
  Evaluation fp32(data.classes());
  Evaluation int8(data.classes());
  data.for_each_test_batch([&](const Batch& batch) {
    stop.check();
    classify(network, batch, fp32);
    if (integers) classify(*integers, batch, int8);
  });
  const std::filesystem::path exported = dir.root / "export";
  make_folder(exported);
  save_model(dir.model(), made.model);
  if (!made.int8) {
    write_onnx(exported / "model.onnx", made.model);
    return fp32.top1();
  }
  write_onnx(exported / "model.int8.onnx", made.model, *made.int8);
  write_json(dir.root / kInt8File, describe_int8(made.model, *made.int8, fp32, int8));
  return int8.top1();
}

/// The files that deploy() writes.
std::vector<std::filesystem::path> files_of(const CodesignConfig& config, const WorkDir& dir) {
  const std::filesystem::path exported = dir.root / "export";
  if (config.weight_bits.empty()) return {dir.model(), exported / "model.onnx"};
  return {dir.model(), exported / "model.int8.onnx", dir.root / kInt8File};
}

}  // namespace

Compressor& Run::compressor() {
  if (!compressor_) {
    compressor_ = std::make_unique<Compressor>(
        config_, data(), load_starts(config_, data().classes(), log_), log_, stop_.token());
  }
  return *compressor_;
}

void Run::check_compression() {
  if (stop_.group().size() > 1) {
    throw Error(ErrorKind::Usage,
                "codesign.method compress runs in one process: start it without the others");
  }
  check_batch("retrain.batch", config_.retrain.batch, data().training_images());
  compressor();
}

CodesignRecord Run::compress() {
  Compressor& compressor = this->compressor();
  const std::vector<StartNetwork> starts = compressor.starts();
  const auto finish = [&](const CompressedNetwork& best) -> std::optional<double> {
    log_.info("codesign: making and testing the best network again, for its files");
    return deploy(compressor.make(best), data(), dir_, compressor.device(), stop_.token());
  };
  return run_compression(config_, dir_, record_,
                         {.starts = starts,
                          .evaluator = compressor,
                          .inputs = inputs().start_accuracies(),
                          .images_per_network = compressor.images_per_network(),
                          .finish = finish,
                          .files = files_of(config_.codesign, dir_)},
                         log_, stop_.token());
}

}  // namespace hsconas
