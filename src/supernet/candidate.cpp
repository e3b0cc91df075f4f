#include "hsconas/supernet/candidate.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <torch/torch.h>

#include "frozen_runner.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/supernet/run_block.hpp"

namespace hsconas {

namespace {

/// Pools one more batch of `images` into `pooled`, which holds `images_before`. Through the
/// difference of the means (Chan, Golub and LeVeque, 1983): a mean of squares would lose the
/// variance of a channel whose mean is large.
void pool(BatchNormStatistics::Layer& pooled, double images_before,
          const BatchNormStatistics::Layer& batch, double images) {
  const double share = images / (images_before + images);
  const torch::Tensor shift = batch.mean - pooled.mean;
  pooled.mean = pooled.mean + shift * share;
  pooled.variance = pooled.variance * (1.0 - share) + batch.variance * share +
                    shift * shift * (share * (1.0 - share));
}

/// Pools what units saw into `statistics`, from the slot `first` on.
void pool(std::vector<BatchNormStatistics::Layer>& statistics, std::size_t first,
          double images_before, const std::vector<NormStatistics>& seen, double images) {
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const BatchNormStatistics::Layer layer{torch::tensor(seen[i].mean).to(torch::kFloat),
                                           torch::tensor(seen[i].variance).to(torch::kFloat)};
    if (first + i == statistics.size()) {
      statistics.push_back(layer);
    } else {
      pool(statistics[first + i], images_before, layer, images);
    }
  }
}

/// Throws Error(Usage) where outputs of `type` could have left its range before their batch norm:
/// eight standard deviations are a lot.
void check_range(const std::vector<NormStatistics>& seen, torch::ScalarType type,
                 std::size_t position) {
  constexpr double kMostHalf = 65504.0;
  if (type != torch::kHalf) return;
  for (const NormStatistics& unit : seen) {
    for (std::size_t c = 0; c < unit.mean.size(); ++c) {
      const double most = std::abs(unit.mean[c]) + 8.0 * std::sqrt(unit.variance[c]);
      if (!(most > kMostHalf)) continue;
      throw Error(ErrorKind::Usage,
                  fmt::format("block {} makes values up to {:.1g} before its batch norm, fp16 ends "
                              "at {:.0f}: set score.precision to fp32",
                              position, most, kMostHalf));
    }
  }
}

/// As our kernels take them.
torch::Tensor packed_pixels(const torch::Tensor& x, torch::ScalarType type) {
  return x.to(type).contiguous(torch::MemoryFormat::ChannelsLast);
}

/// Batch statistics, pooled on the way.
struct CalibrationRunner {
  const std::vector<Parameter>& parameters;
  std::span<const PackedWeights> weights;
  torch::ScalarType type;
  std::size_t position;
  std::vector<BatchNormStatistics::Layer>& statistics;
  double images_before;

  std::size_t take_units(std::span<const Primitive>& primitives, std::size_t slot,
                         torch::Tensor& x) const {
    if (weights.empty()) return 0;
    const ConvBlock block = ConvBlock::leading(primitives, false);
    if (block.unit_count() == 0) return 0;
    std::vector<NormStatistics> seen;
    const auto images = static_cast<double>(x.size(0));
    x = run_conv_block(block, packed_pixels(x, type), weights.subspan(slot, block.unit_count()),
                       seen)
            .to(torch::kFloat);
    check_range(seen, type, position);
    pool(statistics, slot, images_before, seen, images);
    return block.unit_count();
  }

  torch::Tensor conv(const Primitive& p, std::size_t slot, const torch::Tensor& x) const {
    return torch::conv2d(x, sliced(parameters[slot].value, p), {}, p.stride, p.kernel / 2, 1,
                         p.groups);
  }
  /// The classifier has no statistics behind it.
  static torch::Tensor linear(const Primitive&, std::size_t, const torch::Tensor& x) { return x; }
  torch::Tensor batch_norm(const Primitive&, std::size_t slot, const torch::Tensor& x) const {
    const auto [y, mean, inverse_deviation] =
        torch::native_batch_norm(x, {}, {}, {}, {}, true, 0.0, kBatchNormEpsilon);
    const torch::Tensor variance = (inverse_deviation.pow(-2) - kBatchNormEpsilon).clamp_min(0.0);
    if (slot == statistics.size()) {
      statistics.push_back({mean, variance});
    } else {
      pool(statistics[slot], images_before, {mean, variance}, static_cast<double>(x.size(0)));
    }
    return y;
  }
  static torch::Tensor relu(torch::Tensor x) { return x.relu_(); }
};

/// Fixed statistics.
struct AppliedRunner : FrozenRunner {
  std::span<const PackedWeights> packed;
  torch::ScalarType type;
  std::span<const NormFactors> norms;

  std::size_t take_units(std::span<const Primitive>& primitives, std::size_t slot,
                         torch::Tensor& x) const {
    if (packed.empty()) return 0;
    const ConvBlock block = ConvBlock::leading(primitives, false);
    const std::size_t count = block.unit_count();
    if (count == 0) return 0;
    x = run_conv_block(block, packed_pixels(x, type), packed.subspan(slot, count),
                       norms.subspan(slot, count))
            .to(torch::kFloat);
    return count;
  }
};

std::vector<double> to_doubles(const torch::Tensor& values) {
  const torch::Tensor doubles = values.cpu().to(torch::kDouble).contiguous();
  return {doubles.data_ptr<double>(), doubles.data_ptr<double>() + doubles.numel()};
}

}  // namespace

CandidateBlock::CandidateBlock(const Supernet& supernet, Block block, std::size_t position, int op,
                               torch::ScalarType type)
    : parameters_(supernet.parameters(static_cast<int>(position), op)),
      position_(position),
      block_(std::move(block)),
      type_(type) {
  if (!supernet.device().is_cpu()) return;
  conv_block_ = ConvBlock::from(block_, false);
  const c10::InferenceMode guard;
  for (const Block::Path& path : block_.paths) {
    for (const Primitive& p : path.primitives) {
      if (p.kind != PrimitiveKind::Conv) continue;
      const torch::Tensor weight = sliced(parameters_[weights_.size()].value, p).contiguous();
      const auto shape = conv_geometry(p, false);
      if (!shape) {
        weights_.emplace_back();
        continue;
      }
      const auto pack =
          type == torch::kFloat ? &PackedWeights::of<float> : &PackedWeights::of<Half>;
      weights_.push_back(pack(conv_chains().kernels(), *shape, weight.data_ptr<float>()));
    }
  }
}

std::vector<CandidateBlock> candidate_blocks(const Supernet& supernet, const Architecture& arch,
                                             std::size_t first, std::size_t last,
                                             torch::ScalarType type) {
  std::vector<CandidateBlock> blocks;
  auto network = supernet.space().network(arch);
  for (std::size_t at = first; at < std::min(last, network.size()); ++at) {
    blocks.emplace_back(supernet, std::move(network[at]), at, op_at(at, arch), type);
  }
  return blocks;
}

torch::Tensor CandidateBlock::calibrate(const torch::Tensor& x, BatchNormStatistics& statistics,
                                        double images_before) const {
  const c10::InferenceMode guard;
  auto& own = statistics.blocks[position_];
  if (!conv_block_) {
    CalibrationRunner runner{parameters_, weights_, type_, position_, own, images_before};
    return run_block(block_, packed_pixels(x, torch::kFloat), runner);
  }
  std::vector<NormStatistics> seen;
  // A one-channel image is channels-first and channels-last at once; from here on it is not.
  torch::Tensor y = run_conv_block(*conv_block_, packed_pixels(x, type_), weights_, seen);
  check_range(seen, type_, position_);
  pool(own, 0, images_before, seen, static_cast<double>(x.size(0)));
  return y;
}

void CandidateBlock::fix(const BatchNormStatistics& statistics) {
  const auto& own = statistics.blocks[position_];
  if (!conv_block_) frozen_ = freeze(block_, parameters_, own);
  norms_.clear();
  for (const auto& layer : own) {
    norms_.emplace_back(NormStatistics{to_doubles(layer.mean), to_doubles(layer.variance)},
                        kBatchNormEpsilon);
  }
}

torch::Tensor CandidateBlock::apply(const torch::Tensor& x) const {
  if (conv_block_ ? norms_.size() != conv_block_->unit_count() : !frozen_) {
    throw Error(ErrorKind::Internal, "a block was applied before its statistics were fixed");
  }
  const c10::InferenceMode guard;
  if (conv_block_) return run_conv_block(*conv_block_, packed_pixels(x, type_), weights_, norms_);
  AppliedRunner runner{{frozen_->weights}, weights_, type_, norms_};
  return run_block(block_, packed_pixels(x, torch::kFloat), runner);
}

}  // namespace hsconas
