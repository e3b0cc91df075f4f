#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

#include "cublas_products.hpp"
#include "sections.hpp"
#include "shapes.hpp"

namespace hsconas::cuda::bench {

namespace {

double microseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - begin;
  return taken.count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// A kernel with about as many arguments as a training kernel.
struct Tiny {
  static constexpr int kThreads = 256;
  float* data;
  std::int64_t count;
  float more[48];

  template <typename Block>
  HSCONAS_DEVICE void operator()(Block& block) const {
    block.each([&](int thread) {
      const std::int64_t i = std::int64_t{block.x} * kThreads + thread;
      if (i < count) data[i] = data[i] * more[0] + more[47];
    });
  }
};

// Prints the host's time per call, over `count` calls while the GPU is busy with other work, and
// the GPU's time per call afterwards.
void cost_of(Bench& bench, const char* name, int count, const std::function<void(int)>& call) {
  std::vector<double> host;
  std::vector<double> device;
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  check(cudaEventCreate(&begin), "creating an event");
  check(cudaEventCreate(&end), "creating an event");
  for (int round = 0; round < 21; ++round) {
    delay(bench.stream(), 20.0 * count);
    check(cudaEventRecord(begin, bench.stream()), "recording an event");
    host.push_back(microseconds([&] {
                     for (int i = 0; i < count; ++i) call(i);
                   }) /
                   count);
    check(cudaEventRecord(end, bench.stream()), "recording an event");
    bench.wait();
    float ms = 0.0F;
    check(cudaEventElapsedTime(&ms, begin, end), "reading an event");
    device.push_back(1000.0 * static_cast<double>(ms) / count);
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::printf("  %-52s host %6.2f us each (worst round %6.2f), GPU %6.2f us each\n", name,
              median(host), *std::max_element(host.begin() + 1, host.end()), median(device));
}

// The operands of a training product: pixels x depth by the weights [columns][depth].
struct Operands {
  Memory left;
  Memory right;
  Memory out;
};

Product forward_product(const Operands& operands, std::int64_t pixels, int depth, int columns) {
  Product product;
  product.rows = pixels;
  product.columns = columns;
  product.depth = depth;
  product.left = {operands.left.data(), depth, false};
  product.right = {operands.right.data(), depth, true};
  product.type = product.out_type = Number::Bf16;
  product.out = operands.out.data();
  product.out_stride = columns;
  return product;
}

constexpr int kSlices = 64;  // Slices of pixels in the weights' gradient.

Operands operands_for(Bench& bench, std::int64_t pixels, int channels) {
  const std::int64_t weights = std::int64_t{channels} * channels;
  return {bench.random_values(pixels * channels, Number::Bf16),
          bench.random_values(weights, Number::Bf16),
          bench.random_values(std::max(pixels * channels, 2 * kSlices * weights), Number::Bf16)};
}

// Adds the products of a 1x1 convolution: forward, gradient of its input, gradient of its weights.
void add_products(const Operands& memory, std::int64_t pixels, int depth, int columns,
                  std::vector<Product>& products) {
  products.push_back(forward_product(memory, pixels, depth, columns));
  Product back = forward_product(memory, pixels, columns, depth);
  back.right = {memory.right.data(), depth, false};
  products.push_back(back);
  Product weights;
  weights.rows = columns;
  weights.columns = depth;
  weights.batches = kSlices;
  weights.depth = pixels / kSlices;
  weights.left = {memory.left.data(), columns, true};
  weights.right = {memory.left.data(), depth, false};
  weights.type = Number::Bf16;
  weights.out = memory.out.data();
  weights.out_stride = depth;
  weights.left_step = weights.depth * columns;
  weights.right_step = weights.depth * depth;
  weights.out_step = std::int64_t{columns} * depth;
  products.push_back(weights);
}

}  // namespace

void launch_costs(Bench& bench) {
  constexpr std::int64_t kSmall = 64 * 256;
  const Memory data = bench.random_values(kSmall, Number::Fp32);
  Tiny tiny{data.as<float>(), kSmall, {}};
  tiny.more[0] = 1.0F;
  cost_of(bench, "400 kernels of 1 block", 400, [&](int) { bench.queue().launch(tiny, {1, 1}); });
  cost_of(bench, "400 kernels of 64 blocks", 400, [&](int) {
    bench.queue().launch(tiny, {64, 1});
  });
  cost_of(bench, "400 kernels with 64 KB of shared memory", 400, [&](int) {
    bench.queue().launch(tiny, {64, 1}, 64 << 10);
  });
  cost_of(bench, "400 times clear() of 4 KB", 400,
          [&](int) { bench.queue().clear(data.data(), 4096); });
  std::vector<float> table(2048);
  cost_of(bench, "100 times upload() of 8 KB, pageable", 100,
          [&](int) { bench.queue().upload(data.data(), table.data(), 8192); });
  void* pinned = nullptr;
  check(cudaMallocHost(&pinned, 8192), "allocating pinned memory");
  cost_of(bench, "100 times upload() of 8 KB, pinned", 100,
          [&](int) { bench.queue().upload(data.data(), pinned, 8192); });
  cudaFreeHost(pinned);
}

void product_costs(Bench& bench) {
  constexpr std::int64_t kPixels = 4096;
  const Operands operands = operands_for(bench, kPixels + 8, 512);
  const Product one = forward_product(operands, kPixels, 128, 64);
  cost_of(bench, "400 products of one shape, multiply()", 400,
          [&](int) { bench.queue().multiply(one); });
  std::vector<Product> many;
  for (int i = 0; i < 400; ++i) {
    many.push_back(forward_product(operands, kPixels, 8 * (1 + i % 20), 8 * (1 + i / 20)));
  }
  std::vector<double> misses;
  for (const Product& product : many) {
    misses.push_back(microseconds([&] { bench.queue().multiply(product); }));
    bench.wait();
  }
  std::printf("  400 new shapes, multiply() (the first of a kernel loads it):\n");
  for (const int upto : {1, 10, 50, 100, 200, 400}) {
    double sum = 0.0;
    for (int i = 0; i < upto; ++i) sum += misses[static_cast<std::size_t>(i)];
    std::printf("    the first %3d: %10.0f us in all\n", upto, sum);
  }
  std::printf("    median %.1f us, of the last 100 %.1f us\n", median(misses),
              median({misses.end() - 100, misses.end()}));
  cost_of(bench, "400 products of 400 shapes, multiply()", 400,
          [&](int i) { bench.queue().multiply(many[static_cast<std::size_t>(i)]); });

  const CublasProducts products(bench.stream());
  std::vector<double> questions;
  for (int i = 0; i < 200; ++i) {  // Shapes that did not occur above.
    const Product product =
        forward_product(operands, kPixels + 8, 8 * (1 + i % 20), 8 * (1 + i / 20));
    questions.push_back(microseconds([&] { products.plans(product, 1); }));
  }
  std::printf("  the heuristic alone, 200 new shapes: median %.1f us, first %.1f us\n",
              median(questions), questions.front());
  const ProductPlan plan = products.plans(one, 1).front();
  cost_of(bench, "400 products of one shape, without the cache", 400,
          [&](int) { products.run(plan, one); });
}

void first_steps(Bench& bench) {
  // The queue is new, so it has no plan for any shape. If this section runs first, kernels are
  // loaded at their first launch too.
  CudaQueue queue(bench.stream());
  const int layers[] = {4, 4, 8, 4};
  const std::vector<Stage> all = training_stages();
  const std::vector<Stage> stages(all.begin(), all.begin() + 4);
  std::vector<Operands> operands;
  for (const Stage& stage : stages) {
    operands.push_back(operands_for(bench, stage.pixels(), stage.channels));
  }
  std::set<std::vector<std::int64_t>> seen;
  std::printf("  32x32, batch 64, the products of 20 blocks at random widths, both ways:\n");
  for (int step = 0; step <= 300 && bench.time_left(); ++step) {
    std::vector<Product> products;
    for (std::size_t s = 0; s < stages.size(); ++s) {
      const int half = stages[s].half();
      for (int layer = 0; layer < layers[s]; ++layer) {
        const int inner = 8 * bench.uniform(1, half / 8);
        add_products(operands[s], stages[s].pixels(), half, inner, products);
        add_products(operands[s], stages[s].pixels(), inner, half, products);
      }
    }
    int fresh = 0;
    for (const Product& p : products) {
      fresh +=
          seen.insert({p.rows, p.columns, p.depth, p.left.transposed, p.right.transposed}).second
              ? 1
              : 0;
    }
    double host = 0.0;
    const double whole = microseconds([&] {
      host = microseconds([&] {
        for (const Product& p : products) queue.multiply(p);
      });
      bench.wait();
    });
    if (step <= 10 || step == 20 || step % 50 == 0) {
      std::printf(
          "    step %3d: host %8.0f us, until done %8.0f us, %zu products, %3d new shapes\n", step,
          host, whole, products.size(), fresh);
    }
  }
}

}  // namespace hsconas::cuda::bench
