// The rooms that search are not fuzzed, nor are the sources of latencies. In their place these
// tables are empty, so that a config may name any method.
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/config/methods.hpp"

namespace hsconas {

std::vector<MethodWord> path_method_words() {
  return {};
}

std::vector<MethodWord> search_method_words() {
  return {};
}

std::vector<MethodWord> shrink_method_words() {
  return {};
}

std::vector<MethodWord> codesign_method_words() {
  return {};
}

std::vector<LatencyKey> latency_keys() {
  return {};
}

}  // namespace hsconas
