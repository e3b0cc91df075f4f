// Checks and times our CUDA kernels on a GPU, without LibTorch:
//   hsconas_cuda_bench [--seconds N] [--seed N] [section ...]
// By default it runs all sections. Exit code 1: a check failed; 2: the command line is wrong.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "cuda/sections.hpp"

namespace {

using namespace hsconas::cuda::bench;

struct Section {
  const char* name;
  const char* about;
  void (*run)(Bench& bench);
};

constexpr Section kSections[] = {
    {"card", "the card, its copy bandwidth and bf16 peak (always run first)", card},
    {"first_steps", "host time of the products of a training step, by the step's number",
     first_steps},
    {"product_checks", "products in every form against double, on small shapes", product_checks},
    {"depthwise_checks", "depthwise convolutions against their definition", depthwise_checks},
    {"launch", "what a launch costs the host and the GPU", launch_costs},
    {"product_costs", "what a product costs the host, when its shape is new and later",
     product_costs},
    {"products", "products of training: checked, and timed against their bytes", product_times},
    {"depthwise", "depthwise convolutions of training, timed against their bytes", depthwise_times},
    {"product_choices", "other algorithms and other slices for the same products", product_choices},
};

int usage() {
  std::fprintf(stderr, "usage: hsconas_cuda_bench [--seconds N] [--seed N] [section ...]\n");
  for (const Section& section : kSections) {
    std::fprintf(stderr, "  %-16s %s\n", section.name, section.about);
  }
  return 2;
}

struct Arguments {
  double seconds = 1e9;
  unsigned seed = 1;
  std::vector<std::string> sections;
};

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--seconds" && i + 1 < argc) {
      arguments.seconds = std::atof(argv[++i]);
    } else if (word == "--seed" && i + 1 < argc) {
      arguments.seed = static_cast<unsigned>(std::atoi(argv[++i]));
    } else {
      bool known = false;
      for (const Section& section : kSections) known = known || word == section.name;
      if (!known) return false;
      arguments.sections.push_back(word);
    }
  }
  return true;
}

bool wanted(const Arguments& arguments, const Section& section) {
  if (arguments.sections.empty() || &section == &kSections[0]) return true;
  for (const std::string& name : arguments.sections) {
    if (name == section.name) return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return usage();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  int errors = 0;
  try {
    Bench bench(arguments.seconds, arguments.seed);
    for (const Section& section : kSections) {
      if (!wanted(arguments, section)) continue;
      bench.begin_section(section.name);
      try {
        section.run(bench);
      } catch (const std::exception& error) {  // The next sections run all the same.
        ++errors;
        std::printf("  FAILED %s\n", error.what());
      }
    }
    std::printf("\n%d checks, %d failed, %d sections stopped by an error, %.1f s\n", bench.checks(),
                bench.failures(), errors, bench.seconds_passed());
    std::printf("Bits of all outputs checked: %016llx; the same in every run with this seed\n",
                static_cast<unsigned long long>(bench.hash()));
    return bench.failures() > 0 || errors > 0 ? 1 : 0;
  } catch (const std::exception& error) {
    std::printf("FAILED %s\n", error.what());
    return 1;
  }
}
