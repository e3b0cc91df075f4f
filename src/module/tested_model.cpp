#include "tested_model.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/data/dataset.hpp"
#include "hsconas/deploy/classify.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

using nlohmann::json;

void print(const CommandContext& context, const json& object, const std::string& text) {
  fmt::print("{}", context.options.json ? object.dump() + "\n" : text);
}

bool can_write(const std::filesystem::path& folder) {
  return ::access(folder.c_str(), W_OK) == 0;
}

Int8Settings int8_settings(const Int8Options& options) {
  Int8Settings settings;
  if (options.images > 0) settings.images = options.images;
  if (options.weight_bits > 0) settings.weight_bits = options.weight_bits;
  return settings;
}

TestedModel test_model(const DeployedModel& model, const Int8Model* int8, Config config,
                       CommandContext& context) {
  config.data.image_size = model.space.image_size;
  const Dataset set = open_test_set(config.data, model.classes, config.seed, context.log);
  if (set.channels != model.space.image_channels) {
    throw Error(ErrorKind::Usage,
                fmt::format("the images have {} channels, but the network takes {}: set data.path "
                            "to a data set that fits",
                            set.channels, model.space.image_channels));
  }
  const Preprocessing preprocessing{model.space.image_size, set.channels, config.data.augment,
                                    model.normalisation};
  const torch::Device device = open_device(config.device.type);
  const FrozenNetwork network = model.network.to(device);
  TestedModel test{.fp32 = Evaluation(model.classes), .int8 = {}};
  std::optional<Int8Network> integers;
  if (int8 != nullptr) {
    integers.emplace(int8->network, device);
    test.int8.emplace(model.classes);
  }
  for_each_batch(*set.test, all_indices(*set.test), preprocessing, config.score.batch,
                 threads_for(config.data.workers), [&](const Batch& batch) {
                   context.stop.check();
                   classify(network, batch, test.fp32);
                   if (integers) classify(*integers, batch, *test.int8);
                 });
  return test;
}

json int8_json(const TestedModel& test, const Int8Model& int8) {
  return {{"top1", test.int8->top1()},
          {"top5", test.int8->top5()},
          {"fp32_top1", test.fp32.top1()},
          {"fp32_top5", test.fp32.top5()},
          {"images", test.int8->images()},
          {"calibration", to_json(int8.calibration)},
          {"weight_bits", weight_bits_json(int8)},
          {"weight_bytes", int8.network.weight_bytes()}};
}

std::string int8_text(const TestedModel& test, const Int8Model& int8) {
  return fmt::format(
      "int8: top-1 {:.2f} %, top-5 {:.2f} %, fp32: top-1 {:.2f} %, top-5 {:.2f} % on {} test "
      "images; "
      "scales from {} training images\n",
      100.0 * test.int8->top1(), 100.0 * test.int8->top5(), 100.0 * test.fp32.top1(),
      100.0 * test.fp32.top5(), test.int8->images(), int8.calibration.images);
}

}  // namespace hsconas
