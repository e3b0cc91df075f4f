#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsconas/space/search_space.hpp"
#include "support/spaces.hpp"

namespace hsconas {

/// Layout A of HSCoNAS: 20 layers, 5 operators, 10 widths. Below 224 pixels the stem and the first
/// stage keep the image's size, so that 32 pixels give maps of 32, 16, 8 and 4.
inline SearchSpace bench_space(int image_size, int divisor) {
  SpaceDescription description = shipped_description("hsconas-a");
  description.image_size = image_size;
  description.channel_divisor = divisor;
  if (image_size < 224) {
    description.classes = 10;
    description.stem.stride = 1;
    description.stages.front().stride = 1;
  }
  description.head.dropout = 0.0;  // The two sides would draw different noise.
  return SearchSpace(description);
}

inline double ms_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - begin;
  return taken.count();
}

inline double best_ms(int times, const std::function<void()>& work) {
  double best = 1e30;
  for (int i = 0; i < times; ++i) best = std::min(best, ms_of(work));
  return best;
}

/// Peak resident memory in MiB of `work`, which runs in a process of its own.
inline double peak_mib(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

/// Sets up allocator and threads as the program does, for both sides alike.
inline void set_up_process(char** argv) {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // So that the output of a long run can be followed.
  if (std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "20000", 1);
  ::setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1);
  ::execv("/proc/self/exe", argv);
}

}  // namespace hsconas
