#include "hsconas/score/rank_quality.hpp"

#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/statistics.hpp"
#include "support/errors.hpp"

using namespace hsconas;

namespace {

/// SizedNetworks whose accuracy has a part that follows from their size, and another.
struct SizedNetworks {
  std::vector<double> macs, truth, own;

  SizedNetworks() {
    Rng rng(1, "networks");
    for (int i = 0; i < 400; ++i) {
      macs.push_back(rng.uniform(1e6, 1e7));
      own.push_back(rng.normal());
      truth.push_back(macs.back() / 1e6 + 0.1 * own.back());
    }
  }
};

}  // namespace

TEST_CASE("a perfect measure ranks perfectly, overall and among similar networks", "[score]") {
  const SizedNetworks networks;
  const RankQuality quality = rank_quality(networks.truth, networks.truth, networks.macs, 10);
  CHECK(quality.tau == Approx(1.0));
  CHECK(quality.tau_within == Approx(1.0));
  CHECK(quality.tau_best == Approx(1.0));
  CHECK(quality.regret == 0.0);
}

TEST_CASE("a measure that only counts multiply-adds ranks worse among similar networks",
          "[score]") {
  const SizedNetworks networks;
  const RankQuality by_macs = rank_quality(networks.macs, networks.truth, networks.macs, 100);
  const RankQuality by_own = rank_quality(networks.own, networks.truth, networks.macs, 100);
  CHECK(by_macs.tau > 0.9);
  CHECK(by_own.tau < 0.2);
  CHECK(by_own.tau_within > by_macs.tau_within);
}

TEST_CASE("with one bin, the tau within bins is the tau overall", "[score]") {
  const SizedNetworks networks;
  const RankQuality quality = rank_quality(networks.own, networks.truth, networks.macs, 1);
  CHECK(quality.tau_within == Approx(quality.tau));
  CHECK(quality.tau == Approx(kendall(networks.own, networks.truth)));
}

TEST_CASE("the regret is what the network ranked first lacks to the best one", "[score]") {
  const std::vector<double> truth{0.5, 0.9, 0.7, 0.6};
  const std::vector<double> measure{0.1, 0.2, 0.3, 0.0};
  const std::vector<double> macs{1, 2, 3, 4};
  CHECK(rank_quality(measure, truth, macs, 2).regret == Approx(0.2));
  const std::vector<double> equal{0.1, 0.1, 0.1, 0.1};
  CHECK(std::isnan(rank_quality(equal, truth, macs, 2).regret));
}

TEST_CASE("a ranking that does not exist is shown as a dash", "[score]") {
  const std::vector<double> truth{0.5, 0.9, 0.7, 0.6};
  const std::vector<double> equal{0.1, 0.1, 0.1, 0.1};
  const RankQuality none = rank_quality(equal, truth, truth, 2);
  const RankRecord record{.networks = 4,
                          .images = 7,
                          .bins = 2,
                          .shared = none,
                          .likelihood = {},
                          .macs = rank_quality(truth, truth, truth, 2)};
  const std::string text = format_ranking(record);
  CHECK(text.starts_with("4 networks, scored on 7 images;"));
  CHECK_FALSE(text.find("nan") != std::string::npos);
  CHECK(to_json(record)["shared_weights"].dump().find("\"regret\":null") != std::string::npos);
}

TEST_CASE("too few networks for the bins are refused", "[score]") {
  const std::vector<double> three{1, 2, 3};
  CHECK(error_of([&] { rank_quality(three, three, three, 2); }) ==
        "usage: 3 networks are too few for 2 bins of at least two: use fewer bins or more "
        "networks");
}
