#include "hsconas/latency/pair_terms.hpp"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

using UsePair = std::function<void(std::size_t, std::size_t, std::string)>;

/// Calls `use` with every pair of terms of two positions, and its name.
void for_each_pair(const LatencySpace& space, const UsePair& use) {
  const std::size_t row = space.terms() / static_cast<std::size_t>(space.positions());
  for (std::size_t first = 0; first < space.terms(); ++first) {
    for (std::size_t second = (first / row + 1) * row; second < space.terms(); ++second) {
      use(first, second,
          fmt::format("{} {}", space.term(first).position_key, space.term(second).position_key));
    }
  }
}

}  // namespace

double PairTerms::sum(std::span<const std::size_t> terms) const {
  double sum = 0.0;
  for (std::size_t i = 0; i < terms.size() && !empty(); ++i) {
    for (std::size_t k = i + 1; k < terms.size(); ++k) sum += at(terms[i], terms[k]);
  }
  return sum;
}

std::vector<double> PairTerms::take_main_effects(std::size_t choices) {
  std::vector<double> effects(terms_);
  // Moves the mean of `term` with all choices at the position that starts at the term `other`.
  const auto move_mean = [&](std::size_t term, std::size_t other) {
    const auto pair = [&](std::size_t choice) -> double& {
      return at(std::min(term, other + choice), std::max(term, other + choice));
    };
    double sum = 0.0;
    for (std::size_t c = 0; c < choices; ++c) sum += pair(c);
    const double mean = sum / static_cast<double>(choices);
    for (std::size_t c = 0; c < choices; ++c) pair(c) -= mean;
    effects[term] += mean;
  };
  for (std::size_t first = 0; first < terms_; first += choices) {
    for (std::size_t second = first + choices; second < terms_; second += choices) {
      for (std::size_t c = 0; c < choices; ++c) move_mean(first + c, second);
      for (std::size_t c = 0; c < choices; ++c) move_mean(second + c, first);
    }
  }
  return effects;
}

void PairTerms::scale(double factor) {
  for (double& ms : ms_) ms *= factor;
}

void PairTerms::add(double factor, const PairTerms& other) {
  if (other.empty()) return;
  if (empty()) *this = PairTerms(other.terms_);
  for (std::size_t i = 0; i < ms_.size(); ++i) ms_[i] += factor * other.ms_[i];
}

std::map<std::string, double> named_pairs(const PairTerms& pairs, const LatencySpace& space) {
  std::map<std::string, double> named;
  if (pairs.empty()) return named;
  for_each_pair(space, [&](std::size_t first, std::size_t second, std::string name) {
    const double ms = pairs.at(first, second);
    if (ms != 0.0) named.emplace(std::move(name), ms);
  });
  return named;
}

PairTerms pairs_by_name(const std::map<std::string, double>& named, const LatencySpace& space) {
  if (named.empty()) return {};
  if (!space.is_cell()) {
    throw Error(ErrorKind::Data,
                fmt::format("the latency table of space {} has times of pairs, which only tables "
                            "of cells have: fit it again",
                            space.name()));
  }
  PairTerms pairs(space.terms());
  std::size_t found = 0;
  for_each_pair(space, [&](std::size_t first, std::size_t second, const std::string& name) {
    const auto pair = named.find(name);
    if (pair == named.end()) return;
    pairs.at(first, second) = pair->second;
    ++found;
  });
  if (found == named.size()) return pairs;
  std::map<std::string, double> unknown = named;
  for_each_pair(space,
                [&](std::size_t, std::size_t, const std::string& name) { unknown.erase(name); });
  throw Error(ErrorKind::Data,
              fmt::format("the latency table has a pair '{}' that the space {} does not have: it "
                          "was fitted for another space",
                          unknown.begin()->first, space.name()));
}

}  // namespace hsconas
