#include "device_scoring.hpp"

#include <fmt/format.h>
#include <torch/types.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

std::unique_ptr<DeviceScoring> DeviceScoring::make(const Supernet& supernet, Number type,
                                                   const std::vector<Batch>& calibration,
                                                   const std::vector<Batch>& validation) {
  DeviceEngine* engine = device_engine(supernet, type);
  if (engine == nullptr || !knows_all_operators(supernet)) return nullptr;
  return std::unique_ptr<DeviceScoring>(
      new DeviceScoring(supernet, *engine, type, calibration, validation));
}

DeviceScoring::DeviceScoring(const Supernet& supernet, DeviceEngine& engine, Number type,
                             const std::vector<Batch>& calibration,
                             const std::vector<Batch>& validation)
    : supernet_(supernet), engine_(engine), type_(type) {
  std::int64_t count = 0;
  for (const auto* batches : {&calibration, &validation}) {
    for (const Batch& batch : *batches) count += batch.images.size(0);
  }
  const torch::Tensor& like = calibration.front().images;
  images_ = torch::empty({count, like.size(1), like.size(2), like.size(3)},
                         torch::TensorOptions(torch::kFloat)
                             .device(supernet.device())
                             .memory_format(torch::MemoryFormat::ChannelsLast));
  std::int64_t first = 0;
  for (const auto* batches : {&calibration, &validation}) {
    for (const Batch& batch : *batches) {
      images_.narrow(0, first, batch.images.size(0)).copy_(batch.images);
      first += batch.images.size(0);
    }
    if (batches == &calibration) calibration_count_ = first;
  }
  std::vector<torch::Tensor> labels;
  for (const Batch& batch : validation) labels.push_back(batch.labels);
  labels_ = torch::cat(labels).to(supernet.device());
}

std::vector<torch::Tensor> DeviceScoring::calibration(std::int64_t batch) const {
  return images_.narrow(0, 0, calibration_count_).split(batch);
}

torch::Tensor DeviceScoring::run(const Architecture& arch, const torch::Tensor& in,
                                 std::size_t first, std::size_t last) const {
  const DeviceNetwork network = *device_network(supernet_, arch);
  const DeviceImages images = device_images(images_);
  torch::Tensor out =
      torch::empty({engine_.bytes_before(network, static_cast<int>(last), images.count)},
                   torch::TensorOptions(torch::kByte).device(supernet_.device()));
  engine_.run(network, static_cast<int>(first), static_cast<int>(last),
              first == 0 ? nullptr : in.data_ptr(), images, static_cast<int>(calibration_count_),
              out.data_ptr());
  return out;
}

Answers DeviceScoring::answers(const Architecture& arch, const torch::Tensor& in,
                               std::size_t first) const {
  torch::Tensor right = torch::empty({labels_.size(0)},
                                     torch::TensorOptions(torch::kByte).device(supernet_.device()));
  engine_.classify(*device_network(supernet_, arch), static_cast<int>(first),
                   first == 0 ? nullptr : in.data_ptr(), device_images(images_),
                   static_cast<int>(calibration_count_), labels_.data_ptr<std::int64_t>(),
                   right.data_ptr<std::uint8_t>());
  right = right.cpu();
  Answers answers;
  for (std::int64_t i = 0; i < right.numel(); ++i) {
    const std::uint8_t answer = right.data_ptr<std::uint8_t>()[i];
    if (answer > 1) {
      throw Error(ErrorKind::Usage,
                  fmt::format("architecture {} has outputs that are not finite: set "
                              "score.precision to {}",
                              supernet_.space().describe(arch),
                              type_ == Number::Fp16 ? "bf16 or fp32, whose range is larger"
                                                    : "fp32, or train with a lower learning rate"));
    }
    answers.push_back(answer == 1);
  }
  return answers;
}

double DeviceScoring::bytes_before(const Architecture& arch, std::size_t position) const {
  return static_cast<double>(engine_.bytes_before(*device_network(supernet_, arch),
                                                  static_cast<int>(position),
                                                  static_cast<int>(images_.size(0))));
}

}  // namespace hsconas
