#include "hsconas/supernet/candidate.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <torch/types.h>
#include <torch/utils.h>

#include "frozen_runner.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/supernet/run_block.hpp"

namespace hsconas {

namespace {

/// Pools the statistics of a batch of `images` images into `pooled`, which covers `images_before`.
/// Uses the difference of the means (Chan, Golub and LeVeque, 1983), because a mean of squares
/// would lose the variance of a channel with a large mean to rounding.
void pool(BatchNormStatistics::Layer& pooled, double images_before,
          const BatchNormStatistics::Layer& batch, double images) {
  const double share = images / (images_before + images);
  const torch::Tensor shift = batch.mean - pooled.mean;
  pooled.mean = pooled.mean + shift * share;
  pooled.variance = pooled.variance * (1.0 - share) + batch.variance * share +
                    shift * shift * (share * (1.0 - share));
}

/// Pools the units' statistics `seen` into `statistics`, from slot `first` on.
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

/// Throws Error(Usage) when a convolution's output may have exceeded the range of `type`: when
/// |mean| + 8 standard deviations of a channel exceeds it.
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

/// Converts `x` to the type and the channels-last layout that our kernels need.
torch::Tensor packed_pixels(const torch::Tensor& x, torch::ScalarType type) {
  return x.to(type).contiguous(torch::MemoryFormat::ChannelsLast);
}

/// Runs the primitives that our kernels support.
struct UnitRunner {
  std::span<const PackedWeights> weights;  ///< Empty on a GPU.
  torch::ScalarType type;                  ///< Type of activations.

  /// Implements take_units() of run_block(); `run(block, x)` returns the units' output.
  template <typename Run>
  std::size_t take(std::span<const Primitive>& primitives, torch::Tensor& x, Run run) const {
    std::span<const Primitive> left = primitives;
    const bool has_pool = left.front().kind == PrimitiveKind::AvgPool;
    if (has_pool) left = left.subspan(1);
    const ConvBlock block = ConvBlock::leading(left, false);
    if (weights.empty() || block.unit_count() == 0) {
      x = x.to(torch::kFloat);
      return 0;
    }
    x = packed_pixels(x, type);
    if (has_pool) x = average_pooled(primitives.front(), x);
    x = run(block, x);
    primitives = left;
    return block.unit_count();
  }
};

/// Runs a block with batch statistics and pools them.
struct CalibrationRunner {
  const std::vector<Parameter>& parameters;
  UnitRunner units;
  std::size_t position;
  std::vector<BatchNormStatistics::Layer>& statistics;
  double images_before;

  std::size_t take_units(std::span<const Primitive>& primitives, std::size_t slot,
                         torch::Tensor& x) const {
    return units.take(primitives, x, [&](const ConvBlock& block, const torch::Tensor& in) {
      std::vector<NormStatistics> seen;
      const torch::Tensor out =
          run_conv_block(block, in, units.weights.subspan(slot, block.unit_count()), seen);
      check_range(seen, units.type, position);
      pool(statistics, slot, images_before, seen, static_cast<double>(in.size(0)));
      return out;
    });
  }

  torch::Tensor conv(const Primitive& p, std::size_t slot, const torch::Tensor& x) const {
    return torch::conv2d(x, sliced(parameters[slot].value, p), {}, p.stride, p.kernel / 2, 1,
                         p.groups);
  }
  /// Skips the classifier: no batch norm follows it.
  static torch::Tensor linear(const Primitive&, std::size_t, const torch::Tensor& x) { return x; }
  torch::Tensor batch_norm(const Primitive&, std::size_t slot, const torch::Tensor& x) const {
    const auto [y, mean, inverse_deviation] =
        torch::native_batch_norm(x, {}, {}, {}, {}, true, 0.0, kBatchNormEpsilon);
    // The variance is computed from the data: the inverse deviation includes epsilon, in which a
    // small variance would be lost.
    const torch::Tensor variance = x.to(torch::kFloat).var({0, 2, 3}, false);
    if (slot == statistics.size()) {
      statistics.push_back({mean, variance});
    } else {
      pool(statistics[slot], images_before, {mean, variance}, static_cast<double>(x.size(0)));
    }
    return y;
  }
  static torch::Tensor relu(torch::Tensor x) { return x.relu_(); }
};

/// Runs a block with fixed statistics.
struct AppliedRunner : FrozenRunner {
  UnitRunner units;
  std::span<const NormFactors> norms;

  std::size_t take_units(std::span<const Primitive>& primitives, std::size_t slot,
                         torch::Tensor& x) const {
    const std::size_t count =
        units.take(primitives, x, [&](const ConvBlock& block, const torch::Tensor& in) {
          return run_conv_block(block, in, units.weights.subspan(slot, block.unit_count()),
                                norms.subspan(slot, block.unit_count()));
        });
    if (count > 0 && !primitives.empty() &&
        primitives.front().kind == PrimitiveKind::GlobalAvgPool) {
      x = average_of_pixels(x);
      primitives = primitives.subspan(1);
    }
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
  for_each_weighted(block_, [&](const Primitive& p) {
    if (p.kind != PrimitiveKind::Conv) return;
    const torch::Tensor weight = sliced(parameters_[weights_.size()].value, p).contiguous();
    const auto shape = conv_geometry(p, false);
    if (!shape) {
      weights_.emplace_back();
      return;
    }
    const auto pack = type == torch::kFloat ? &PackedWeights::of<float> : &PackedWeights::of<Half>;
    weights_.push_back(pack(conv_chains().kernels(), *shape, weight.data_ptr<float>()));
  });
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
  if (!conv_block_) {
    CalibrationRunner runner{
        parameters_, {weights_, type_}, position_, statistics.blocks[position_], images_before};
    return run_block(block_, packed_pixels(x, x.scalar_type()), runner);
  }
  std::vector<NormStatistics> seen;
  // packed_pixels() makes the layout explicit: torch takes a one-channel image for channels-first
  // and channels-last at once.
  torch::Tensor y = run_conv_block(*conv_block_, packed_pixels(x, type_), weights_, seen);
  add(seen, statistics, images_before, x.size(0));
  return y;
}

void CandidateBlock::observe(const torch::Tensor& x, BatchNormStatistics& statistics,
                             double images_before) const {
  const c10::InferenceMode guard;
  std::span<const Primitive> behind = block_.paths.front().primitives;
  const ConvBlock units = ConvBlock::leading(behind, false);
  const bool knows_all = !weights_.empty() && block_.paths.size() == 1 && units.unit_count() > 0 &&
                         std::none_of(behind.begin(), behind.end(), [](const Primitive& p) {
                           return p.kind == PrimitiveKind::BatchNorm;
                         });
  if (!knows_all) {
    calibrate(x, statistics, images_before);
    return;
  }
  add(statistics_of_units(units, packed_pixels(x, type_), weights_), statistics, images_before,
      x.size(0));
}

void CandidateBlock::add(const std::vector<NormStatistics>& seen, BatchNormStatistics& statistics,
                         double images_before, std::int64_t images) const {
  check_range(seen, type_, position_);
  pool(statistics.blocks[position_], 0, images_before, seen, static_cast<double>(images));
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
  AppliedRunner runner{{frozen_->weights}, {weights_, type_}, norms_};
  return run_block(block_, packed_pixels(x, x.scalar_type()), runner);
}

}  // namespace hsconas
