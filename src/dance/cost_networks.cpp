#include "hsconas/dance/cost_networks.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

constexpr int kLayers = 5;

torch::Tensor normal(std::vector<std::int64_t> shape, double deviation, Rng& rng) {
  torch::Tensor values = torch::empty(shape, torch::kFloat);
  float* at = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    at[i] = static_cast<float>(deviation * rng.normal());
  }
  return values;
}

/// Equals torch::linear, [batch, in] -> [batch, out], but runs as a 1 x 1 convolution: oneDNN is
/// many times as fast as the plain BLAS of some LibTorch packages.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias) {
  const torch::Tensor pixels = x.unsqueeze(2).unsqueeze(3);
  return torch::conv2d(pixels, weight.unsqueeze(2).unsqueeze(3), bias).squeeze(3).squeeze(2);
}

}  // namespace

torch::Tensor hardened(const torch::Tensor& soft) {
  const torch::Tensor one_hot = torch::zeros_like(soft).scatter_(1, soft.argmax(1, true), 1.0);
  return one_hot + soft - soft.detach();
}

ResidualMlp::ResidualMlp(std::string name, std::int64_t inputs, std::int64_t width,
                         std::int64_t outputs, Rng& rng)
    : name_(std::move(name)) {
  for (int layer = 0; layer <= kLayers; ++layer) {
    const std::int64_t from = layer == 0 ? inputs : width;
    const std::int64_t to = layer == kLayers ? outputs : width;
    const double scale = layer == kLayers ? 0.1 : 1.0;
    weights_.push_back(normal({to, from}, scale * std::sqrt(2.0 / static_cast<double>(from)), rng));
    biases_.push_back(torch::zeros({to}));
  }
}

torch::Tensor ResidualMlp::forward(const torch::Tensor& x) const {
  torch::Tensor y = torch::relu(linear(x, weights_[0], biases_[0]));
  for (int layer = 1; layer < kLayers; ++layer) {
    const auto i = static_cast<std::size_t>(layer);
    y = y + torch::relu(linear(y, weights_[i], biases_[i]));
  }
  return linear(y, weights_[kLayers], biases_[kLayers]);
}

void ResidualMlp::set_trained(bool trained) {
  for (auto& [name, tensor] : tensors()) {
    torch::Tensor(tensor).set_requires_grad(trained);
    if (!trained) torch::Tensor(tensor).mutable_grad() = torch::Tensor();
  }
}

std::map<std::string, torch::Tensor> ResidualMlp::tensors() const {
  std::map<std::string, torch::Tensor> all;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    all[fmt::format("{}.{}.weight", name_, i)] = weights_[i];
    all[fmt::format("{}.{}.bias", name_, i)] = biases_[i];
  }
  return all;
}

void ResidualMlp::load(const std::map<std::string, torch::Tensor>& from) {
  for (auto& [name, tensor] : tensors()) {
    const auto it = from.find(name);
    if (it == from.end() || it->second.sizes() != tensor.sizes()) {
      throw Error(ErrorKind::Data, fmt::format("tensor {} is missing or of another shape", name));
    }
    const torch::NoGradGuard guard;
    torch::Tensor(tensor).copy_(it->second);
  }
}

void ResidualMlp::to(torch::ScalarType type) {
  for (auto* list : {&weights_, &biases_}) {
    for (torch::Tensor& tensor : *list) tensor = tensor.detach().to(type);
  }
}

namespace {

std::int64_t code_size(const DesignSpace& designs) {
  std::size_t size = 0;
  for (const DesignAxis& axis : designs.axes()) size += axis.values.size();
  return static_cast<std::int64_t>(size);
}

ResidualMlp make_mlp(const char* name, std::int64_t inputs, int width, std::int64_t outputs,
                     std::uint64_t seed) {
  Rng rng(seed, std::string("dance ") + name);
  return {name, inputs, width, outputs, rng};
}

}  // namespace

CostNetworks::CostNetworks(const SearchSpace& space, const DesignSpace& designs,
                           const PairCostModel& costs, const DanceConfig& config,
                           std::uint64_t seed, bool forwards)
    : space_(space),
      designs_(designs),
      costs_(costs),
      config_(config),
      seed_(seed),
      forwards_(forwards),
      areas_(areas_of(designs.designs())),
      architecture_size_(std::int64_t{space.layers()} * space.ops() * space.widths()),
      hardware_size_(code_size(designs)),
      cost_(config, geometric_means()),
      cost_network_(make_mlp("cost", architecture_size_ + (forwards ? hardware_size_ : 0),
                             config.cost_width, 3, seed)),
      generator_(make_mlp("generator", architecture_size_, config.generator_width, hardware_size_,
                          seed)) {}

torch::Tensor CostNetworks::code(const std::vector<Architecture>& archs) const {
  torch::Tensor result = torch::zeros({std::ssize(archs), architecture_size_});
  float* row = result.data_ptr<float>();
  for (const Architecture& arch : archs) {
    std::int64_t layer = 0;
    for (const LayerChoice choice : arch) {
      row[(layer++ * space_.ops() + choice.op) * space_.widths() + choice.width] = 1.0F;
    }
    row += architecture_size_;
  }
  return result;
}

torch::Tensor CostNetworks::encode(const Architecture& arch) const {
  return code({space_.canonical(arch)})[0];
}

torch::Tensor CostNetworks::hardware_code(const std::vector<std::size_t>& designs) const {
  torch::Tensor result = torch::zeros({std::ssize(designs), hardware_size_});
  float* row = result.data_ptr<float>();
  for (const std::size_t design : designs) {
    std::size_t offset = 0;
    const auto at = designs_.coordinates(design);
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      row[offset + static_cast<std::size_t>(at[axis])] = 1.0F;
      offset += designs_.axes()[axis].values.size();
    }
    row += hardware_size_;
  }
  return result;
}

torch::Tensor CostNetworks::generate(const torch::Tensor& archs, const torch::Tensor& noise,
                                     double temperature, bool hard) const {
  torch::Tensor logits = generator_.forward(archs);
  if (noise.defined()) logits = logits + noise;
  std::vector<torch::Tensor> parts;
  std::int64_t offset = 0;
  for (const DesignAxis& axis : designs_.axes()) {
    const auto size = static_cast<std::int64_t>(axis.values.size());
    const torch::Tensor soft =
        torch::softmax(logits.slice(1, offset, offset + size) / temperature, 1);
    offset += size;
    if (!hard) {
      parts.push_back(soft);
      continue;
    }
    parts.push_back(hardened(soft));
  }
  return torch::cat(parts, 1);
}

torch::Tensor CostNetworks::logs(const torch::Tensor& archs, const torch::Tensor& hardware) const {
  const torch::Tensor inputs = forwards_ ? torch::cat({archs, hardware}, 1) : archs;
  return cost_network_.forward(inputs) * log_deviation_;
}

torch::Tensor CostNetworks::metrics(const torch::Tensor& archs,
                                    const torch::Tensor& hardware) const {
  return logs(archs, hardware).exp();
}

torch::Tensor CostNetworks::cost(const torch::Tensor& archs, const torch::Tensor& noise,
                                 double temperature, bool hard) const {
  const torch::Tensor hardware =
      forwards_ ? generate(archs, noise, temperature, hard) : torch::Tensor();
  const torch::Tensor all = metrics(archs, hardware);
  return cost_.combine<torch::Tensor>(all.select(1, 0), all.select(1, 1), all.select(1, 2));
}

std::size_t CostNetworks::design_of(const Architecture& arch) const {
  const torch::NoGradGuard guard;
  const torch::Tensor logits =
      generator_.forward(encode(arch).unsqueeze(0).to(log_deviation_.scalar_type()))
          .to(torch::kDouble)
          .contiguous();
  const double* values = logits.data_ptr<double>();
  std::size_t best = 0;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t design = 0; design < designs_.size(); ++design) {
    const auto at = designs_.coordinates(design);
    double sum = 0.0;
    std::size_t offset = 0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      sum += values[offset + static_cast<std::size_t>(at[axis])];
      offset += designs_.axes()[axis].values.size();
    }
    if (sum <= most) continue;
    most = sum;
    best = design;
  }
  return best;
}

std::map<std::string, torch::Tensor> CostNetworks::state() const {
  std::map<std::string, torch::Tensor> all;
  for (const auto& [name, moments] : moments_) {
    all[name + ".first"] = moments.first;
    all[name + ".second"] = moments.second;
  }
  for (const ResidualMlp* network : {&cost_network_, &generator_}) {
    for (const auto& [name, tensor] : network->tensors()) all[name] = tensor.detach();
  }
  all["progress"] = torch::tensor(std::vector<std::int64_t>{cost_step_, generator_step_});
  return all;
}

void CostNetworks::load_state(const std::map<std::string, torch::Tensor>& state) {
  const auto progress = state.find("progress");
  if (progress == state.end() || progress->second.numel() != 2) {
    throw Error(ErrorKind::Data, "tensor progress is missing or of another shape");
  }
  cost_network_.load(state);
  generator_.load(state);
  moments_.clear();
  for (const ResidualMlp* network : {&cost_network_, &generator_}) {
    for (const auto& [name, value] : network->tensors()) {
      const auto first = state.find(name + ".first");
      const auto second = state.find(name + ".second");
      if (first == state.end() || second == state.end()) continue;  // Not trained yet.
      if (first->second.sizes() != value.sizes() || second->second.sizes() != value.sizes()) {
        throw Error(ErrorKind::Data, fmt::format("moments of {} are of another shape", name));
      }
      moments_[name] = {first->second.clone(), second->second.clone()};
    }
  }
  cost_step_ = progress->second[0].item<std::int64_t>();
  generator_step_ = progress->second[1].item<std::int64_t>();
}

void CostNetworks::to(torch::ScalarType type) {
  cost_network_.to(type);
  generator_.to(type);
  log_deviation_ = log_deviation_.to(type);
}

}  // namespace hsconas
