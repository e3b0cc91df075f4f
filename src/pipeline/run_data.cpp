#include "run_data.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/config/groups.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

namespace {

DataConfig with_image_size(DataConfig config, int image_size) {
  config.image_size = image_size;
  return config;
}

}  // namespace

RunData::RunData(const Config& config, Log& log)
    : config_(config),
      dataset_(
          open_dataset(with_image_size(config.data, config.space.image_size), config.seed, log)),
      split_(split_training_set(dataset_, config.data, config.seed)) {
  const auto classes = static_cast<int>(dataset_.classes.size());
  if (classes != config.space.classes) {
    throw Error(ErrorKind::Usage, fmt::format("the data set has {} classes, but space.classes is "
                                              "{}; set space.classes={}",
                                              classes, config.space.classes, classes));
  }
  if (dataset_.channels != config.space.image_channels) {
    throw Error(ErrorKind::Usage,
                fmt::format("the images have {} channels, but space.image_channels is {}; set "
                            "space.image_channels={}",
                            dataset_.channels, config.space.image_channels, dataset_.channels));
  }
  preprocessing_ = make_preprocessing(with_image_size(config.data, config.space.image_size),
                                      dataset_, split_, config.seed);
  log.info(fmt::format("data: {} classes, {} images to train on, {} held out, {} to test on",
                       classes, split_.train.size(), split_.holdout.size(), dataset_.test->size()));
}

std::unique_ptr<TrainLoader> RunData::train_loader(const std::string& stage,
                                                   const SupernetConfig& training,
                                                   const ProcessGroup& group,
                                                   std::int64_t first_step,
                                                   bool with_holdout) const {
  const GroupShare share = share_of(training, group.rank(), group.size());
  std::vector<std::int64_t> indices = split_.train;
  if (with_holdout) indices.insert(indices.end(), split_.holdout.begin(), split_.holdout.end());
  return std::make_unique<TrainLoader>(
      dataset_.train, std::move(indices), preprocessing_,
      TrainLoader::Options{.batch = training.batch,
                           .first_image = share.first_image(),
                           .images = share.images(),
                           .seed = Rng(config_.seed, stage + " images").next(),
                           .first_step = first_step,
                           .workers = threads_for(config_.data.workers),
                           .device = open_device(config_.device.type),
                           .memory_mb = config_.data.memory_mb});
}

std::vector<Batch> RunData::calibration(int most) const {
  std::vector<std::int64_t> indices = split_.train;
  Rng rng(config_.seed, "calibration images");
  rng.shuffle(std::span(indices));
  const int wanted = std::min(config_.score.calibration_images, most);
  indices.resize(std::min(indices.size(), static_cast<std::size_t>(wanted)));
  return load_all(*dataset_.train, indices, preprocessing_, config_.score.batch,
                  threads_for(config_.data.workers), open_device(config_.device.type));
}

std::vector<Batch> RunData::validation() const {
  std::vector<std::int64_t> indices = split_.holdout;
  Rng rng(config_.seed, "validation images");
  rng.shuffle(std::span(indices));
  indices.resize(std::min(indices.size(), static_cast<std::size_t>(config_.validation_images())));
  return load_all(*dataset_.train, indices, preprocessing_, config_.score.batch,
                  threads_for(config_.data.workers), open_device(config_.device.type));
}

void RunData::for_each_test_batch(const std::function<void(const Batch&)>& use) const {
  for_each_batch(*dataset_.test, all_indices(*dataset_.test), preprocessing_, config_.score.batch,
                 threads_for(config_.data.workers), use);
}

}  // namespace hsconas
