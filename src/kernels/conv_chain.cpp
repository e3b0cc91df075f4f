#include "hsconas/kernels/conv_chain.hpp"

#include <algorithm>
#include <utility>

#include "hsconas/base/parallel.hpp"

namespace hsconas {

namespace {

/// Adds up the parts element by element, in their order.
std::vector<double> total(const std::vector<std::vector<double>>& parts) {
  std::vector<double> sum = parts.front();
  for (std::size_t part = 1; part < parts.size(); ++part) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += parts[part][i];
  }
  return sum;
}

std::vector<std::vector<double>> zeros(int parts, int channels) {
  return std::vector<std::vector<double>>(static_cast<std::size_t>(parts),
                                          std::vector<double>(static_cast<std::size_t>(channels)));
}

/// NormGradient's two arrays from their sums over `count` values.
struct NormSums {
  std::vector<float> mean;
  std::vector<float> along;

  NormSums(const std::vector<std::vector<double>>& sums,
           const std::vector<std::vector<double>>& alongs, std::int64_t count) {
    const auto scaled = [count](const std::vector<double>& values) {
      std::vector<float> result(
          static_cast<std::size_t>(padded_channels(static_cast<int>(values.size()))), 0.0F);
      for (std::size_t i = 0; i < values.size(); ++i) {
        result[i] = static_cast<float>(values[i] / static_cast<double>(count));
      }
      return result;
    };
    mean = scaled(total(sums));
    along = scaled(total(alongs));
  }
};

/// A dense [pixels, channels] array.
template <typename T>
Channels<T> dense(T* data, int channels) {
  return {data, channels, 1};
}

/// `channels` from pixel `pixel` on.
template <typename T>
Channels<T> from_pixel(Channels<T> channels, std::int64_t pixel) {
  if (channels.data != nullptr) channels.data += pixel * channels.pixel_stride;
  return channels;
}

std::int64_t out_values(const ConvGeometry& shape) {
  return shape.out_pixels() * shape.out_channels;
}

/// How many images go through all units at a time so that activations in between stay in cache.
std::int64_t images_at_once(std::span<const ConvUnit> units, std::size_t value_size) {
  constexpr std::int64_t kBytes = 1 << 18;  // Part of the second-level cache.
  std::int64_t most = 1;
  for (const ConvUnit& unit : units) most = std::max(most, out_values(unit.shape));
  return std::max<std::int64_t>(1, kBytes / (most * static_cast<std::int64_t>(value_size)));
}

}  // namespace

ConvChains::ConvChains(int threads, const ConvKernels& kernels)
    : kernels_(kernels),
      threads_(std::max(1, threads)),
      parts_each_(threads_ > 1 ? 8 : 1),
      scratch_(static_cast<std::size_t>(threads_)),
      between_of_(static_cast<std::size_t>(threads_)) {}

template <typename Work>
void ConvChains::in_parts(std::int64_t count, int parts_each, Work work) {
  const std::int64_t parts = std::int64_t{threads_} * parts_each;
  in_parallel(threads_, static_cast<std::size_t>(parts), [&](std::size_t thread, std::size_t part) {
    const auto index = static_cast<std::int64_t>(part);
    work(thread, part, count * index / parts, count * (index + 1) / parts);
  });
}

template <typename T>
NormStatistics ConvChains::convolve(const ConvGeometry& shape, std::int64_t images,
                                    const ConvForward<T>& work) {
  const std::int64_t scratch = kernels_.scratch_floats(shape);
  for (Workspace& workspace : scratch_) workspace.at_least(scratch);
  const int parts = threads_ * parts_each_;
  auto means = zeros(parts, shape.out_channels);
  auto squares = means;
  in_parts(images, parts_each_, [&](std::size_t thread, std::size_t part, auto first, auto last) {
    ConvForward<T> own = work;
    own.moments = {means[part].data(), squares[part].data()};
    kernels_.on<T>().forward(shape, own, first, last, scratch_[thread].data());
  });
  // Pools the moments of the parts, as pool() does within a part.
  const auto channels = static_cast<std::size_t>(shape.out_channels);
  NormStatistics statistics{std::vector<double>(channels), std::vector<double>(channels)};
  double before = 0.0;
  for (std::size_t part = 0; part < means.size(); ++part) {
    const auto index = static_cast<std::int64_t>(part);
    const std::int64_t own = images * (index + 1) / parts - images * index / parts;
    const auto count = static_cast<double>(own * shape.out_pixels());
    if (own == 0) continue;
    const double share = count / (before + count);
    for (std::size_t c = 0; c < channels; ++c) {
      const double shift = means[part][c] - statistics.mean[c];
      statistics.mean[c] += shift * share;
      statistics.variance[c] += squares[part][c] + shift * shift * before * share;
    }
    before += count;
  }
  for (double& variance : statistics.variance) variance /= before;
  return statistics;
}

template <typename T, typename Memory>
std::vector<NormStatistics> ConvChains::run(std::span<const ConvUnit> units, InputOf<T> in,
                                            double epsilon, NormFactors& norm, Memory memory) {
  std::vector<NormStatistics> statistics;
  for (std::size_t u = 0; u < units.size(); ++u) {
    const ConvGeometry& shape = units[u].shape;
    const auto [weights, out] = memory(u);
    statistics.push_back(convolve(shape, in.images,
                                  ConvForward<T>{.in = in.pixels,
                                                 .in_activation = in.activation,
                                                 .weights = weights,
                                                 .out = dense(out, shape.out_channels)}));
    norm = NormFactors(statistics.back(), epsilon);
    in.pixels = dense<const T>(out, shape.out_channels);
    in.activation = norm.activation(units[u].relu);
  }
  return statistics;
}

void ConvChains::pack(std::span<const ConvUnit> units, std::size_t first,
                      std::span<const float* const> weights,
                      decltype(BackwardKernels<float>::pack) kernel) {
  if (packed_.size() < units.size()) packed_.resize(units.size());
  in_parallel(threads_, units.size() - first, [&](std::size_t, std::size_t index) {
    const std::size_t u = first + index;
    const ConvGeometry& shape = units[u].shape;
    kernel(shape, weights[u], packed_[u].at_least(kernels_.packed_floats(shape)));
  });
}

template <typename T>
std::vector<NormStatistics> ConvChains::forward(std::span<const ConvUnit> units,
                                                const InputOf<T>& in,
                                                std::span<const float* const> weights,
                                                std::span<T* const> outs, double epsilon) {
  NormFactors norm;
  pack(units, 0, weights, kernels_.on<T>().pack);
  return run(units, in, epsilon, norm, [&](std::size_t u) {
    return std::pair<const float*, T*>(packed_[u].data(), outs[u]);
  });
}

template <typename T>
std::vector<NormStatistics> ConvChains::calibrate(std::span<const ConvUnit> units,
                                                  const InputOf<T>& in,
                                                  std::span<const PackedWeights> weights,
                                                  double epsilon, const OutputOf<T>& out) {
  NormFactors norm;
  T* made = nullptr;
  auto statistics = run(units, in, epsilon, norm, [&](std::size_t u) {
    const bool is_read = u + 1 < units.size() || out.to.data != nullptr;
    made =
        is_read ? between_[u % 2].at_least_of<T>(in.images * out_values(units[u].shape)) : nullptr;
    return std::pair<const float*, T*>(weights[u].data(), made);
  });
  if (out.to.data == nullptr) return statistics;
  const ConvUnit& last = units.back();
  write(last.shape.out_channels, in.images * last.shape.out_pixels(),
        dense<const T>(made, last.shape.out_channels), norm.activation(last.relu), out);
  return statistics;
}

template <typename T>
void ConvChains::apply(std::span<const ConvUnit> units, const InputOf<T>& in,
                       std::span<const PackedWeights> weights, std::span<const NormFactors> norms,
                       const OutputOf<T>& out) {
  const std::int64_t step = images_at_once(units, sizeof(T));
  for (std::size_t thread = 0; thread < scratch_.size(); ++thread) {
    for (std::size_t u = 0; u < units.size(); ++u) {
      scratch_[thread].at_least(kernels_.scratch_floats(units[u].shape));
      if (u + 1 < units.size()) {
        between_of_[thread][u % 2].at_least_of<T>(step * out_values(units[u].shape));
      }
    }
  }
  in_parts(in.images, parts_each_, [&](std::size_t thread, std::size_t, auto first, auto last) {
    for (std::int64_t image = first; image < last; image += step) {
      const std::int64_t images = std::min(step, last - image);
      const ConvGeometry& first_shape = units.front().shape;
      Channels<const T> pixels = from_pixel(in.pixels, image * first_shape.in_pixels());
      Activation activation = in.activation;
      for (std::size_t u = 0; u < units.size(); ++u) {
        const ConvGeometry& shape = units[u].shape;
        ConvForward<T> work{.in = pixels,
                            .in_activation = activation,
                            .weights = weights[u].data(),
                            .out_activation = norms[u].activation(units[u].relu)};
        if (u + 1 == units.size()) {
          work.out = from_pixel(out.to, image * shape.out_pixels());
          work.plus = from_pixel(out.plus, image * shape.out_pixels());
        } else {
          work.out =
              dense(reinterpret_cast<T*>(between_of_[thread][u % 2].data()), shape.out_channels);
        }
        kernels_.on<T>().forward(shape, work, 0, images, scratch_[thread].data());
        pixels = {work.out.data, work.out.pixel_stride, work.out.channel_stride};
        activation = {};
      }
      const std::int64_t out_pixels = units.back().shape.out_pixels();
      copy(out.copy, image * out_pixels, (image + images) * out_pixels);
    }
  });
}

struct ConvChains::GradientSums {
  std::vector<std::vector<double>> plain;
  std::vector<std::vector<double>> along;

  GradientSums(int parts, int channels) : plain(zeros(parts, channels)), along(plain) {}
};

template <typename T>
ConvChains::GradientSums ConvChains::reduce(const ConvUnit& unit, std::int64_t images, const T* z,
                                            const NormFactors& norm, Channels<const T> gradient) {
  const int channels = unit.shape.out_channels;
  GradientSums sums(threads_ * parts_each_, channels);
  const std::int64_t pixels = images * unit.shape.out_pixels();
  in_parts(pixels, parts_each_, [&](std::size_t, std::size_t part, auto first, auto last) {
    kernels_.back_on<T>().reduce(channels, z, norm.activation(unit.relu), gradient,
                                 sums.plain[part].data(), sums.along[part].data(), first, last);
  });
  return sums;
}

std::span<Workspace> ConvChains::weight_gradient_parts(std::size_t unit, std::int64_t floats) {
  constexpr std::int64_t kMostFloats = 1 << 16;
  const std::int64_t each =
      std::clamp<std::int64_t>(kMostFloats / (floats * threads_), 1, parts_each_);
  const auto parts =
      std::span(weight_gradients_[unit]).first(static_cast<std::size_t>(threads_ * each));
  for (Workspace& workspace : parts) workspace.at_least(floats);
  return parts;
}

void ConvChains::write_weight_gradients(std::span<const ConvUnit> units,
                                        std::span<const std::span<Workspace>> parts,
                                        std::span<float* const> to) {
  in_parallel(threads_, units.size(), [&](std::size_t, std::size_t u) {
    const std::int64_t count = kernels_.packed_floats(units[u].shape);
    float* sum = parts[u].front().data();
    for (const Workspace& other : parts[u].subspan(1)) {
      for (std::int64_t i = 0; i < count; ++i) sum[i] += other.data()[i];
    }
    kernels_.unpack_gradient(units[u].shape, sum, to[u]);
  });
}

template <typename T>
void ConvChains::backward(std::span<const ConvUnit> units, const InputOf<T>& in,
                          std::span<const float* const> weights, std::span<const T* const> outs,
                          std::span<const NormFactors> norms, const GradientsOf<T>& gradients) {
  const BackwardKernels<T>& kernels = kernels_.back_on<T>();
  GradientSums sums = reduce(units.back(), in.images, outs.back(), norms.back(), gradients.out);
  pack(units, gradients.in.data == nullptr ? 1 : 0, weights, kernels.pack);
  std::vector<std::span<Workspace>> weight_gradients(units.size());
  for (std::size_t u = weight_gradients_.size(); u < units.size(); ++u) {
    weight_gradients_.emplace_back(static_cast<std::size_t>(threads_ * parts_each_));
  }
  Channels<const T> gradient = gradients.out;
  for (std::size_t u = units.size(); u-- > 0;) {
    const ConvGeometry& shape = units[u].shape;
    const bool is_first = u == 0;
    const NormSums norm(sums.plain, sums.along, in.images * shape.out_pixels());
    ConvBackward<T> work{
        .in = is_first ? in.pixels : dense<const T>(outs[u - 1], shape.in_channels),
        .in_activation = is_first ? in.activation : norms[u - 1].activation(units[u - 1].relu),
        .out = outs[u],
        .out_activation = norms[u].activation(units[u].relu),
        .norm = {norm.mean.data(), norm.along.data()},
        .gradient = gradient,
        .in_gradient = gradients.in,
        .accumulate = is_first && gradients.accumulate};
    if (!is_first) {
      work.in_gradient =
          dense(between_[u % 2].at_least_of<T>(in.images * shape.in_pixels() * shape.in_channels),
                shape.in_channels);
    }
    if (work.in_gradient.data != nullptr) work.weights = packed_[u].data();
    const std::int64_t packed_gradient = kernels_.packed_floats(shape);
    const std::int64_t scratch = kernels_.scratch_floats(shape);
    for (Workspace& workspace : scratch_) workspace.at_least(scratch);
    weight_gradients[u] = weight_gradient_parts(u, packed_gradient);
    const auto parts = static_cast<int>(weight_gradients[u].size());
    sums = GradientSums(parts, is_first ? 0 : shape.in_channels);
    in_parts(in.images, parts / threads_,
             [&](std::size_t thread, std::size_t part, auto first, auto last) {
               ConvBackward<T> own = work;
               own.weight_gradient = weight_gradients[u][part].data();
               std::fill_n(own.weight_gradient, packed_gradient, 0.0F);
               if (!is_first) {
                 own.in_sum = sums.plain[part].data();
                 own.in_along = sums.along[part].data();
               }
               kernels.backward(shape, own, first, last, scratch_[thread].data());
               if (is_first) {
                 copy(gradients.copy, first * shape.in_pixels(), last * shape.in_pixels());
               }
             });
    gradient = {work.in_gradient.data, work.in_gradient.pixel_stride,
                work.in_gradient.channel_stride};
  }
  write_weight_gradients(units, weight_gradients, gradients.weights);
}

template <typename T>
void ConvChains::write(int channels, std::int64_t pixels, Channels<const T> from,
                       const Activation& activation, const OutputOf<T>& out, bool accumulate) {
  // In short steps, a pixel whose other channels are copied is written while it is in cache.
  const std::int64_t step = out.copy.channels > 0 ? 64 : pixels;
  in_parts(pixels, parts_each_, [&](std::size_t, std::size_t, auto first, auto last) {
    for (std::int64_t pixel = first; pixel < last; pixel += step) {
      const std::int64_t end = std::min(pixel + step, last);
      kernels_.on<T>().write_activated(channels, from, activation, out.plus, out.to, accumulate,
                                       pixel, end);
      copy(out.copy, pixel, end);
    }
  });
}

template <typename T>
void ConvChains::average(int channels, std::int64_t images, std::int64_t pixels,
                         Channels<const T> from, float* to) {
  in_parts(images, parts_each_, [&](std::size_t, std::size_t, auto first, auto last) {
    kernels_.on<T>().average(channels, pixels, from, to, first, last);
  });
}

template <typename T>
void ConvChains::copy(const Copy<T>& copy, std::int64_t first, std::int64_t last) const {
  if (copy.channels == 0) return;
  kernels_.on<T>().write_activated(copy.channels, copy.from, {}, {}, copy.to, false, first, last);
}

#define HSCONAS_CHAINS_OF(T)                                                                       \
  template std::vector<NormStatistics> ConvChains::calibrate<T>(                                   \
      std::span<const ConvUnit>, const InputOf<T>&, std::span<const PackedWeights>, double,        \
      const OutputOf<T>&);                                                                         \
  template void ConvChains::apply<T>(std::span<const ConvUnit>, const InputOf<T>&,                 \
                                     std::span<const PackedWeights>, std::span<const NormFactors>, \
                                     const OutputOf<T>&);                                          \
  template void ConvChains::write<T>(int, std::int64_t, Channels<const T>, const Activation&,      \
                                     const OutputOf<T>&, bool);                                    \
  template void ConvChains::average<T>(int, std::int64_t, std::int64_t, Channels<const T>, float*);
HSCONAS_CHAINS_OF(float)
HSCONAS_CHAINS_OF(Half)
#undef HSCONAS_CHAINS_OF

template std::vector<NormStatistics> ConvChains::forward<float>(std::span<const ConvUnit>,
                                                                const InputOf<float>&,
                                                                std::span<const float* const>,
                                                                std::span<float* const>, double);
template std::vector<NormStatistics> ConvChains::forward<Bf16>(std::span<const ConvUnit>,
                                                               const InputOf<Bf16>&,
                                                               std::span<const float* const>,
                                                               std::span<Bf16* const>, double);
template void ConvChains::backward<float>(std::span<const ConvUnit>, const InputOf<float>&,
                                          std::span<const float* const>,
                                          std::span<const float* const>,
                                          std::span<const NormFactors>, const GradientsOf<float>&);
template void ConvChains::backward<Bf16>(std::span<const ConvUnit>, const InputOf<Bf16>&,
                                         std::span<const float* const>,
                                         std::span<const Bf16* const>, std::span<const NormFactors>,
                                         const GradientsOf<Bf16>&);
template void ConvChains::write<Bf16>(int, std::int64_t, Channels<const Bf16>, const Activation&,
                                      const OutputOf<Bf16>&, bool);

}  // namespace hsconas
