#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "cublas_products.hpp"
#include "sections.hpp"
#include "shapes.hpp"

namespace hsconas::cuda::bench {

namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

// ---- Small products in every form, checked against the processor.

enum class Add { None, InPlace, Elsewhere };

struct Form {
  Number type;
  Number out_type;
  bool left_transposed;
  bool right_transposed;
  Add add;
  int batches;
};

std::string text_of(const Form& form, const Product& p) {
  const char* const adds[] = {"", " + out", " + other"};
  char text[160];
  std::snprintf(text, sizeof(text), "%s->%s %s*%s%s, %d of [%d,%d]*[%d,%d] strides %d %d %d",
                name_of(form.type), name_of(form.out_type), form.left_transposed ? "L'" : "L",
                form.right_transposed ? "R'" : "R", adds[static_cast<int>(form.add)], p.batches,
                static_cast<int>(p.rows), static_cast<int>(p.depth), static_cast<int>(p.depth),
                static_cast<int>(p.columns), static_cast<int>(p.left.stride),
                static_cast<int>(p.right.stride), static_cast<int>(p.out_stride));
  return text;
}

std::int64_t padded_stride(Bench& bench, std::int64_t columns) {
  return (columns + 7) / 8 * 8 + 8 * bench.uniform(0, 2);
}

// The expected product in the memory layout of `out`, with NaN between rows.
std::vector<double> expected(const Product& p, const std::vector<double>& left,
                             const std::vector<double>& right, const std::vector<double>& added,
                             std::int64_t count) {
  std::vector<double> values(static_cast<std::size_t>(count), kNoNumber);
  for (int batch = 0; batch < p.batches; ++batch) {
    for (std::int64_t row = 0; row < p.rows; ++row) {
      for (std::int64_t column = 0; column < p.columns; ++column) {
        const auto at = static_cast<std::size_t>(batch * p.out_step + row * p.out_stride + column);
        double sum = added.empty() ? 0.0 : added[at];
        for (std::int64_t k = 0; k < p.depth; ++k) {
          const std::int64_t i =
              p.left.transposed ? k * p.left.stride + row : row * p.left.stride + k;
          const std::int64_t j =
              p.right.transposed ? column * p.right.stride + k : k * p.right.stride + column;
          sum += left[static_cast<std::size_t>(batch * p.left_step + i)] *
                 right[static_cast<std::size_t>(batch * p.right_step + j)];
        }
        values[at] = sum;
      }
    }
  }
  return values;
}

void check_form(Bench& bench, const Form& form, std::int64_t rows, std::int64_t columns,
                std::int64_t depth) {
  Product p;
  p.rows = rows;
  p.columns = columns;
  p.depth = depth;
  p.batches = form.batches;
  p.type = form.type;
  p.out_type = form.out_type;
  const std::int64_t left_rows = form.left_transposed ? depth : rows;
  const std::int64_t right_rows = form.right_transposed ? columns : depth;
  p.left = {nullptr, padded_stride(bench, form.left_transposed ? rows : depth),
            form.left_transposed};
  p.right = {nullptr, padded_stride(bench, form.right_transposed ? depth : columns),
             form.right_transposed};
  p.out_stride = padded_stride(bench, columns);
  p.left_step = left_rows * p.left.stride + 16;
  p.right_step = right_rows * p.right.stride + 8;
  p.out_step = rows * p.out_stride + 24;
  const std::int64_t out_count = form.batches * p.out_step;

  const Memory left = bench.random_values(form.batches * p.left_step, p.type);
  const Memory right = bench.random_values(form.batches * p.right_step, p.type);
  const Memory added = bench.random_values(out_count, p.out_type, 4.0);
  const Memory out(out_count * bytes_of(p.out_type));
  p.left.data = left.data();
  p.right.data = right.data();
  p.out = out.data();
  if (form.add == Add::InPlace) p.add = out.data();
  if (form.add == Add::Elsewhere) p.add = added.data();

  std::vector<double> added_values;
  if (form.add != Add::None) added_values = bench.read(added.data(), out_count, p.out_type);
  Output output;
  output.name = "out";
  output.data = out.data();
  output.type = p.out_type;
  output.limit = form.type == Number::Fp32 ? 1e-5 : limit_of(p.out_type);  // TF32 differs by more.
  output.expected = expected(p, bench.read(left.data(), form.batches * p.left_step, p.type),
                             bench.read(right.data(), form.batches * p.right_step, p.type),
                             added_values, out_count);
  if (form.add == Add::InPlace) {
    output.before = added_values;
    for (std::size_t i = 0; i < output.before.size(); ++i) {
      if (std::isnan(output.expected[i])) output.before[i] = kNoNumber;
    }
  }
  bench.check(text_of(form, p), {output}, [&] { bench.queue().multiply(p); });
}

// ---- Products of training, checked against a plain kernel that sums in double.

// Computes the largest error relative to the limit, stored as the bits of an fp32 number.
template <typename Out>
__global__ void largest_error(Product p, float limit, unsigned* largest) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const std::int64_t row = i / p.columns % p.rows;
  const std::int64_t column = i % p.columns;
  const std::int64_t batch = i / p.columns / p.rows;
  if (batch >= p.batches) return;
  const auto* left = static_cast<const std::uint16_t*>(p.left.data) + batch * p.left_step;
  const auto* right = static_cast<const std::uint16_t*>(p.right.data) + batch * p.right_step;
  const auto value = [](std::uint16_t bits) {
    return static_cast<double>(__uint_as_float(static_cast<unsigned>(bits) << 16U));
  };
  double sum = 0.0;
  for (std::int64_t k = 0; k < p.depth; ++k) {
    sum +=
        value(left[p.left.transposed ? k * p.left.stride + row : row * p.left.stride + k]) *
        value(
            right[p.right.transposed ? column * p.right.stride + k : k * p.right.stride + column]);
  }
  const std::int64_t at = batch * p.out_step + row * p.out_stride + column;
  double found = 0.0;
  if (sizeof(Out) == 2) {
    found = value(static_cast<const std::uint16_t*>(p.out)[at]);
  } else {
    found = static_cast<double>(static_cast<const float*>(p.out)[at]);
  }
  const double typical = sqrt(static_cast<double>(p.depth)) / 3.0;  // For uniform values in +-1.
  auto error =
      static_cast<float>(fabs(found - sum) / (static_cast<double>(limit) * (fabs(sum) + typical)));
  if (!(error < 1e30F)) error = 1e30F;
  if (error > 0.01F) atomicMax(largest, __float_as_uint(error));
}

double error_of(Bench& bench, const Product& p) {
  Memory largest(16);
  bench.queue().clear(largest.data(), 16);
  const std::int64_t count = p.rows * p.columns * p.batches;
  const auto blocks = static_cast<unsigned>((count + 255) / 256);
  const auto limit = static_cast<float>(limit_of(p.out_type));
  if (p.out_type == Number::Fp32) {
    largest_error<float><<<blocks, 256, 0, bench.stream()>>>(p, limit, largest.as<unsigned>());
  } else {
    largest_error<std::uint16_t>
        <<<blocks, 256, 0, bench.stream()>>>(p, limit, largest.as<unsigned>());
  }
  check(cudaGetLastError(), "launching the reference");
  return bench.read(largest.data(), 1, Number::Fp32).front();
}

enum class Way { Forward, InputGradient, WeightGradient };

const char* name_of_way(Way way) {
  switch (way) {
    case Way::Forward:
      return "X*W'";
    case Way::InputGradient:
      return "dZ*W";
    case Way::WeightGradient:
      return "dZ'*X";
  }
  return "?";
}

// A 1x1 convolution from `in` to `out` channels; `in_stride` values from one pixel of x to the
// next.
struct Layer {
  std::string name;
  std::int64_t pixels;
  int in;
  int out;
  int in_stride;
};

// Memory that one run of a product reads and writes.
struct Buffers {
  Memory left;
  Memory right;
  Memory out;
};

// A product of a layer, with so many sets of buffers that they exceed the L2 cache.
struct Case {
  std::string name;
  Product product;
  std::vector<Buffers> sets;
  double floor_bytes = 0.0;
  double flops = 0.0;

  Product with(int set) const {
    Product p = product;
    const Buffers& buffers = sets[static_cast<std::size_t>(set)];
    p.left.data = buffers.left.data();
    p.right.data = buffers.right.data();
    p.out = buffers.out.data();
    return p;
  }
};

// Number of slices of pixels, a power of 2 that divides the pixels, so that each multiprocessor
// gets two blocks with tiles of 128 x 128.
int slices_of(const Layer& layer, int multiprocessors) {
  const int tiles = (layer.in + 127) / 128 * ((layer.out + 127) / 128);
  int slices = 1;
  while (slices * 2 <= 2 * multiprocessors / tiles && layer.pixels % (slices * 2) == 0 &&
         layer.pixels / (slices * 2) >= 32) {
    slices *= 2;
  }
  return slices;
}

Product product_of(const Layer& layer, Way way, int slices) {
  Product p;
  p.type = Number::Bf16;
  switch (way) {
    case Way::Forward:  // [pixels][in] * [out][in]'
      p.rows = layer.pixels;
      p.columns = layer.out;
      p.depth = layer.in;
      p.left = {nullptr, layer.in_stride, false};
      p.right = {nullptr, layer.in, true};
      p.out_stride = layer.out;
      p.out_type = Number::Bf16;
      break;
    case Way::InputGradient:  // [pixels][out] * [out][in]
      p.rows = layer.pixels;
      p.columns = layer.in;
      p.depth = layer.out;
      p.left = {nullptr, layer.out, false};
      p.right = {nullptr, layer.in, false};
      p.out_stride = layer.in_stride;
      p.out_type = Number::Bf16;
      break;
    case Way::WeightGradient:  // [pixels][out]' * [pixels][in], in slices
      p.rows = layer.out;
      p.columns = layer.in;
      p.depth = layer.pixels / slices;
      p.left = {nullptr, layer.out, true};
      p.right = {nullptr, layer.in_stride, false};
      p.out_stride = layer.in;
      p.out_type = Number::Fp32;
      p.batches = slices;
      p.left_step = p.depth * layer.out;
      p.right_step = p.depth * layer.in_stride;
      p.out_step = std::int64_t{layer.out} * layer.in;
      break;
  }
  return p;
}

// The same product as `batches` products of fewer rows.
Product in_batches(Product p, int batches) {
  p.batches = batches;
  p.rows /= batches;
  p.left_step = p.rows * p.left.stride;
  p.right_step = 0;
  p.out_step = p.rows * p.out_stride;
  return p;
}

std::int64_t values_of(const Matrix& matrix, std::int64_t rows, std::int64_t depth) {
  return (matrix.transposed ? depth : rows) * matrix.stride;
}

Case case_of(Bench& bench, const Layer& layer, Way way, int slices) {
  Case one;
  one.name = layer.name + " " + std::to_string(layer.in) + "->" + std::to_string(layer.out) + " " +
             name_of_way(way);
  if (way == Way::WeightGradient) one.name += " in " + std::to_string(slices);
  Product& p = one.product = product_of(layer, way, slices);
  const double elements = static_cast<double>(layer.pixels) * (layer.in + layer.out);
  const double weights = static_cast<double>(layer.in) * layer.out;
  one.floor_bytes =
      2.0 * elements + (way == Way::WeightGradient ? 4.0 * slices * weights : 2.0 * weights);
  one.flops = 2.0 * static_cast<double>(layer.pixels) * weights;
  const std::int64_t left = p.batches * values_of(p.left, p.rows, p.depth);
  const std::int64_t right = p.batches * values_of(p.right, p.depth, p.columns);
  const std::int64_t out = p.batches * p.rows * p.out_stride * bytes_of(p.out_type);
  const int sets = bench.sets_for(static_cast<std::int64_t>(one.floor_bytes));
  for (int i = 0; i < sets; ++i) {
    one.sets.push_back(
        {bench.random_values(left, p.type), bench.random_values(right, p.type), Memory(out)});
  }
  return one;
}

// The first and the last 1x1 convolution of a block's branch at each inner width.
std::vector<Layer> layers_of(const Stage& stage) {
  std::vector<Layer> layers;
  for (const int inner : inner_widths(stage.half())) {
    layers.push_back({stage.name, stage.pixels(), stage.half(), inner, stage.channels});
    layers.push_back({stage.name, stage.pixels(), inner, stage.half(), inner});
  }
  return layers;
}

bool check_case(Bench& bench, const Case& one) {
  const Product p = one.with(0);
  check(cudaMemsetAsync(p.out, 0xff, static_cast<std::size_t>(one.sets.front().out.bytes()),
                        bench.stream()),
        "poisoning");
  bench.queue().multiply(p);
  const double error = error_of(bench, p);
  if (error <= 1.0) return true;
  return bench.report(one.name, false, "error " + std::to_string(error) + " of the limit");
}

}  // namespace

void product_checks(Bench& bench) {
  const std::pair<Number, Number> types[] = {{Number::Bf16, Number::Bf16},
                                             {Number::Bf16, Number::Fp32},
                                             {Number::Fp16, Number::Fp16},
                                             {Number::Fp16, Number::Fp32},
                                             {Number::Fp32, Number::Fp32}};
  for (const auto& [type, out_type] : types) {
    for (int i = 0; i < 24 && bench.time_left(); ++i) {
      const Form form{type,
                      out_type,
                      (i & 1) != 0,
                      (i & 2) != 0,
                      static_cast<Add>(i / 4 % 3),
                      i / 12 == 0 ? 1 : 3};
      check_form(bench, form, bench.uniform(1, 200), bench.uniform(1, 70), bench.uniform(1, 130));
    }
  }
  // Sizes as in training: multiples of 8, many rows, and long sums.
  for (int i = 0; i < 8 && bench.time_left(); ++i) {
    const int in = 8 * bench.uniform(1, 16);
    const int out = 8 * bench.uniform(1, 16);
    check_form(bench, {Number::Bf16, Number::Bf16, false, true, Add::None, 1}, 3000 + i, out, in);
    check_form(bench, {Number::Bf16, Number::Bf16, false, false, Add::InPlace, 1}, 3000 + i, in,
               out);
    check_form(bench, {Number::Bf16, Number::Fp32, true, false, Add::None, 5}, out, in, 700 + i);
  }
}

void product_times(Bench& bench) {
  std::string group;
  double ms = 0.0;
  double floor_ms = 0.0;
  const auto sum_up = [&] {
    if (ms == 0.0 || bench.copy_gb_per_s == 0.0) return;
    std::printf("  %s: all of these %.3f ms, their bytes alone %.3f ms (%.0f %%)\n", group.c_str(),
                ms, floor_ms, 100.0 * floor_ms / ms);
    ms = floor_ms = 0.0;
  };
  for (const Stage& stage : training_stages()) {
    for (const Way way : {Way::Forward, Way::InputGradient, Way::WeightGradient}) {
      group = stage.name + " " + name_of_way(way);
      for (const Layer& layer : layers_of(stage)) {
        if (!bench.time_left()) return;
        const int slices = slices_of(layer, bench.queue().multiprocessors());
        const Case one = case_of(bench, layer, way, slices);
        check_case(bench, one);
        ms += bench.time(one.name, one.floor_bytes, one.flops, static_cast<int>(one.sets.size()),
                         [&](int set) { bench.queue().multiply(one.with(set)); });
        floor_ms += one.floor_bytes / bench.copy_gb_per_s * 1e-6;
      }
      sum_up();
    }
  }
}

void product_choices(Bench& bench) {
  constexpr int kChoices = 8;
  const CublasProducts products(bench.stream());
  const std::vector<Stage> all = training_stages();
  std::printf("  microseconds: floor | the heuristic's choices in order | its first one for\n");
  std::printf("  16 and 128 batches of rows, or for other numbers of slices\n");
  for (std::size_t s = 8; s < all.size(); ++s) {  // At 224 pixels, where memory traffic dominates.
    for (const Layer& layer : layers_of(all[s])) {
      for (const Way way : {Way::Forward, Way::InputGradient, Way::WeightGradient}) {
        if (!bench.time_left()) return;
        const int slices = slices_of(layer, bench.queue().multiprocessors());
        const Case one = case_of(bench, layer, way, slices);
        const int sets = static_cast<int>(one.sets.size());
        const double floor_us =
            bench.copy_gb_per_s > 0.0 ? one.floor_bytes / bench.copy_gb_per_s * 1e-3 : 0.0;
        std::printf("  %-40s %7.1f |", one.name.c_str(), floor_us);
        for (const ProductPlan& plan : products.plans(one.with(0), kChoices)) {
          const double ms =
              bench.time_ms(sets, [&](int set) { products.run(plan, one.with(set)); });
          std::printf(" %7.1f", 1000.0 * ms);
        }
        std::printf(" |");
        for (const int parts : {16, 128}) {
          if (way == Way::WeightGradient || layer.pixels % parts != 0) continue;
          const double ms = bench.time_ms(
              sets, [&](int set) { bench.queue().multiply(in_batches(one.with(set), parts)); });
          std::printf(" /%d: %.1f", parts, 1000.0 * ms);
        }
        for (const int other : {slices / 8, slices / 4, slices / 2, slices * 2, slices * 4}) {
          if (way != Way::WeightGradient || other < 1 || layer.pixels % other != 0) continue;
          const Case changed = case_of(bench, layer, way, other);
          const double ms = bench.time_ms(static_cast<int>(changed.sets.size()), [&](int set) {
            bench.queue().multiply(changed.with(set));
          });
          std::printf(" /%d: %.1f", other, 1000.0 * ms);
        }
        std::printf("\n");
      }
    }
  }
}

}  // namespace hsconas::cuda::bench
