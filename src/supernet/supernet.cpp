#include "hsconas/supernet/supernet.hpp"

#include <cmath>

#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/rng.hpp"

namespace hsconas {

namespace {

torch::Tensor normal(torch::IntArrayRef shape, double deviation, Rng& rng) {
  torch::Tensor tensor = torch::empty(shape, torch::kFloat);
  auto* data = tensor.data_ptr<float>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    data[i] = static_cast<float>(rng.normal() * deviation);
  }
  return tensor;
}

/// The initial parameters of a block, on the CPU; flatten() adds momentum and moves them to the
/// device.
std::vector<Parameter> make_parameters(const Block& block, bool is_stem, Rng& rng) {
  std::vector<Parameter> parameters;
  for_each_weighted(block, [&](const Primitive& p) {
    if (p.kind == PrimitiveKind::Conv) {
      const int fan_in = p.inputs_per_output();
      const double deviation = is_stem ? 0.01 : 1.0 / fan_in;
      parameters.push_back(
          {.value = normal({p.out_channels, fan_in, p.kernel, p.kernel}, deviation, rng)});
      return;
    }
    parameters.push_back({.value = normal({p.out_channels, p.in_channels}, 0.01, rng)});
    if (p.has_bias) {
      parameters.push_back({.value = torch::zeros({p.out_channels}), .decays = false});
    }
  });
  return parameters;
}

}  // namespace

torch::Tensor sliced(const torch::Tensor& value, const Primitive& p) {
  return value.narrow(0, 0, p.out_channels).narrow(1, 0, p.inputs_per_output());
}

Supernet::Supernet(const SearchSpace& space, torch::Device device, std::uint64_t seed)
    : space_(space), device_(device) {
  Rng rng(seed, "supernet weights");
  blocks_.push_back({make_parameters(space_.stem(), true, rng)});
  for (int layer = 0; layer < space_.layers(); ++layer) {
    auto& ops = blocks_.emplace_back();
    for (int op = 0; op < space_.ops(); ++op) {
      ops.push_back(make_parameters(space_.widest_block(layer, op), false, rng));
    }
  }
  blocks_.push_back({make_parameters(space_.head(), false, rng)});
  flatten();
}

void Supernet::flatten() {
  constexpr std::int64_t kUnit = 64;  // Weights start at multiples of 256 bytes.
  const auto place = [](const Parameter& parameter) {
    return (parameter.value.numel() + kUnit - 1) / kUnit * kUnit;
  };
  std::int64_t count = 0;
  const auto for_parameters = [this](const auto& use) {
    for (auto& ops : blocks_) {
      for (auto& parameters : ops) {
        for (Parameter& parameter : parameters) use(parameter);
      }
    }
  };
  for_parameters([&](const Parameter& parameter) { count += place(parameter); });
  torch::Tensor values = torch::zeros({count});
  std::int64_t offset = 0;
  const auto view = [&](const torch::Tensor& flat, const torch::Tensor& like) {
    return flat.narrow(0, offset, like.numel()).view(like.sizes());
  };
  for_parameters([&](const Parameter& parameter) {
    view(values, parameter.value).copy_(parameter.value);
    offset += place(parameter);
  });
  values_ = values.to(device_);
  momentum_ = torch::zeros_like(values_);
  offset = 0;
  for_parameters([&](Parameter& parameter) {
    parameter.value = view(values_, parameter.value);
    parameter.momentum = view(momentum_, parameter.value);
    offset += place(parameter);
  });
}

std::vector<Parameter>& Supernet::parameters(int position, int op) {
  return blocks_.at(static_cast<std::size_t>(position)).at(static_cast<std::size_t>(op));
}

const std::vector<Parameter>& Supernet::parameters(int position, int op) const {
  return blocks_.at(static_cast<std::size_t>(position)).at(static_cast<std::size_t>(op));
}

std::map<std::string, torch::Tensor> Supernet::tensors() const {
  std::map<std::string, torch::Tensor> result;
  for (std::size_t position = 0; position < blocks_.size(); ++position) {
    for (std::size_t op = 0; op < blocks_[position].size(); ++op) {
      const std::string block =
          position == 0 ? "stem"
          : position == blocks_.size() - 1
              ? "head"
              : fmt::format("layer{}.{}", position - 1, space_.op(static_cast<int>(op)).name);
      const auto& parameters = blocks_[position][op];
      for (std::size_t slot = 0; slot < parameters.size(); ++slot) {
        const std::string name = fmt::format("{}.{}", block, slot);
        result[name] = parameters[slot].value;
        result[name + ".momentum"] = parameters[slot].momentum;
      }
    }
  }
  return result;
}

std::map<std::string, torch::Tensor> Supernet::tensors_of(const Architecture& arch) {
  std::map<std::string, torch::Tensor> result;
  const std::vector<Block> blocks = space_.network(arch);
  for (std::size_t position = 0; position < blocks.size(); ++position) {
    const std::string name = position == 0                   ? "stem"
                             : position + 1 == blocks.size() ? "head"
                                                             : fmt::format("layer{}", position - 1);
    auto& parameters = this->parameters(static_cast<int>(position), op_at(position, arch));
    std::size_t slot = 0;
    const auto add = [&](const torch::Tensor& value, const torch::Tensor& momentum) {
      const std::string full = fmt::format("{}.{}", name, slot++);
      result[full] = value;
      result[full + ".momentum"] = momentum;
    };
    for_each_weighted(blocks[position], [&](const Primitive& p) {
      const Parameter& weight = parameters[slot];
      add(sliced(weight.value, p), sliced(weight.momentum, p));
      if (p.has_bias) add(parameters[slot].value, parameters[slot].momentum);
    });
  }
  return result;
}

void Supernet::load(const std::map<std::string, torch::Tensor>& tensors) {
  const auto own = this->tensors();
  for (const auto& [name, tensor] : own) {
    const auto it = tensors.find(name);
    if (it == tensors.end()) throw Error(ErrorKind::Data, "checkpoint lacks the tensor " + name);
    if (it->second.sizes() != tensor.sizes()) {
      throw Error(ErrorKind::Data, "checkpoint has another shape for the tensor " + name);
    }
    if (it->second.scalar_type() != tensor.scalar_type()) {
      throw Error(ErrorKind::Data, "checkpoint has another type for the tensor " + name);
    }
  }
  const torch::NoGradGuard guard;
  for (const auto& [name, tensor] : own) tensor.detach().copy_(tensors.at(name));
}

void Supernet::reset_momentum() {
  momentum_.zero_();
}

std::int64_t Supernet::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& ops : blocks_) {
    for (const auto& parameters : ops) {
      for (const auto& parameter : parameters) count += parameter.value.numel();
    }
  }
  return count;
}

}  // namespace hsconas
