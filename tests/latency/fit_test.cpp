#include "hsconas/latency/fit.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/statistics.hpp"
#include "support/fake_timer.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

/// How long a network really takes.
using Truth = std::function<double(const Architecture&)>;

/// `count` different networks and their times, with normal noise of relative size `noise`.
std::vector<Measurement> measure(const LatencySpace& space, const Truth& truth, int count,
                                 double noise, std::uint64_t seed) {
  Rng rng(seed, "fit-test");
  std::set<Architecture> taken;
  std::vector<Measurement> networks;
  while (static_cast<int>(networks.size()) < count) {
    Architecture arch;
    for (int i = 0; i < space.positions(); ++i) {
      const auto op = static_cast<int>(rng.index(static_cast<std::size_t>(space.ops())));
      arch.push_back({op, static_cast<int>(rng.index(static_cast<std::size_t>(space.widths())))});
    }
    arch = space.canonical(std::move(arch), DeadOperators::Cost);
    if (!taken.insert(arch).second) continue;
    networks.push_back({arch, truth(arch) * (1.0 + noise * rng.normal())});
  }
  return networks;
}

/// The times that FakeTimer gives for single blocks.
TermPrior exact_prior(const SearchSpace& space) {
  TermPrior prior;
  for (int layer = 0; layer < space.layers(); ++layer) {
    for (int op = 0; op < space.ops(); ++op) {
      for (int width = 0; width < space.widths(); ++width) {
        prior.ms.push_back(FakeTimer::block_ms(space.block(layer, {op, width})));
      }
    }
  }
  prior.fixed_ms = FakeTimer::block_ms(space.stem()) + FakeTimer::block_ms(space.head());
  return prior;
}

/// Sum of the prior's times, those of operator `op` times `factors[op]`.
double weighted_sum(const SearchSpace& space, const Architecture& arch,
                    const std::vector<double>& factors) {
  double sum = FakeTimer::block_ms(space.stem()) + FakeTimer::block_ms(space.head());
  for (int layer = 0; layer < space.layers(); ++layer) {
    const LayerChoice choice = arch[static_cast<std::size_t>(layer)];
    sum += factors[static_cast<std::size_t>(choice.op)] *
           FakeTimer::block_ms(space.block(layer, choice));
  }
  return sum;
}

double rmse_of(const NetworkFit& fit, const LatencySpace& space,
               const std::vector<Measurement>& networks) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const Measurement& network : networks) {
    predicted.push_back(fit.predict_ms(space, network.arch));
    measured.push_back(network.ms);
  }
  return rmse(predicted, measured);
}

std::vector<std::string> names_of(const std::vector<FitTrial>& trials) {
  std::vector<std::string> names;
  for (const FitTrial& trial : trials) names.push_back(trial.form);
  return names;
}

FitForm named(const std::vector<FitForm>& forms, const std::string& name) {
  for (const FitForm& form : forms) {
    if (form.name == name) return form;
  }
  throw std::logic_error("no form " + name);
}

/// A cell of four nodes with an edge between any two; cell_ms() is its latency.
LatencySpace cell_space() {
  return LatencySpace(CellDescription{.name = "cell",
                                      .operators = {"none", "a", "b", "c"},
                                      .edges = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}},
                                      .nothing = 0});
}

double cell_ms(const Architecture& arch) {
  double ms = 5.0;
  for (std::size_t i = 0; i < arch.size(); ++i) {
    const double of_op[] = {0.0, 1.0, 2.0, 4.0};
    ms += of_op[arch[i].op] * (1.0 + 0.1 * static_cast<double>(i));
  }
  return ms;
}

const std::vector<double> kAlike{1.0, 1.0, 1.0};
const std::vector<double> kPerOperator{1.5, 0.7, 1.0};

/// A space of six layers and the times of its blocks when timed alone.
struct KnownBlocks {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms{space};
  const TermPrior prior = exact_prior(space);

  /// In a network every operator takes its own multiple of its time alone; 0.25 ms come on top.
  Truth per_operator() const {
    return
        [this](const Architecture& arch) { return 0.25 + weighted_sum(space, arch, kPerOperator); };
  }
};

}  // namespace

TEST_CASE_METHOD(KnownBlocks, "the constant form finds the overhead", "[latency]") {
  const Truth truth = [&](const Architecture& arch) {
    return 0.25 + weighted_sum(space, arch, kAlike);
  };
  const auto networks = measure(terms, truth, 30, 0.0, 1);
  const NetworkFit fit = fit_networks(
      terms, networks, {.forms = {named(correction_forms(), "constant")}, .prior = &prior});
  CHECK(fit.form == "constant");
  CHECK(fit.bias_ms == Approx(0.25).epsilon(1e-12));
  CHECK(fit.fixed_ms == prior.fixed_ms);
  CHECK(fit.terms == prior.ms);
  CHECK(fit.error_percent == Approx(0.0).margin(1e-9));
  REQUIRE(fit.trials.size() == 1);
  CHECK(fit.trials[0].left_out_percent == Approx(0.0).margin(1e-9));
}

TEST_CASE_METHOD(KnownBlocks,
                 "every form is tried, and the one that does best on networks left out is kept",
                 "[latency]") {
  const Truth truth = per_operator();
  const auto networks = measure(terms, truth, 60, 0.002, 2);
  const NetworkFit fit =
      fit_networks(terms, networks, {.forms = correction_forms(), .prior = &prior});
  CHECK(names_of(fit.trials) ==
        std::vector<std::string>{"constant", "per layer", "scale", "per operator", "per block"});
  double chosen = -1.0;
  double least = 1e9;
  for (const FitTrial& trial : fit.trials) {
    if (trial.form == fit.form) chosen = trial.left_out_percent;
    least = std::min(least, trial.left_out_percent);
  }
  CHECK(chosen == least);
}

TEST_CASE_METHOD(KnownBlocks,
                 "operators faster or slower in a network than alone are corrected per operator",
                 "[latency]") {
  const Truth truth = per_operator();
  const auto networks = measure(terms, truth, 60, 0.002, 3);
  const auto fresh = measure(terms, truth, 100, 0.0, 4);
  const NetworkFit fit =
      fit_networks(terms, networks, {.forms = correction_forms(), .prior = &prior});
  CHECK((fit.form == "per operator" || fit.form == "per block"));
  const NetworkFit constant = fit_networks(
      terms, networks, {.forms = {named(correction_forms(), "constant")}, .prior = &prior});
  CHECK(rmse_of(fit, terms, fresh) < 0.2 * rmse_of(constant, terms, fresh));
  // Without noise and with this form only, the fit is exact.
  const auto exact = measure(terms, truth, 60, 0.0, 3);
  const NetworkFit alone = fit_networks(
      terms, exact, {.forms = {named(correction_forms(), "per operator")}, .prior = &prior});
  CHECK(rmse_of(alone, terms, fresh) < 1e-3 * rmse_of(constant, terms, fresh));
}

TEST_CASE_METHOD(KnownBlocks,
                 "the scale form finds a common factor, the per-layer form an overhead per layer",
                 "[latency]") {
  const Truth scaled = [&](const Architecture& arch) {
    return 0.1 + 1.7 * weighted_sum(space, arch, kAlike);
  };
  const auto networks = measure(terms, scaled, 40, 0.0, 5);
  const NetworkFit scale = fit_networks(
      terms, networks, {.forms = {named(correction_forms(), "scale")}, .prior = &prior});
  for (std::size_t i = 0; i < prior.ms.size(); ++i) {
    CHECK(scale.terms[i] == Approx(1.7 * prior.ms[i]).epsilon(1e-4).margin(1e-9));
  }
  const Truth layered = [&](const Architecture& arch) {
    double layers = 0.0;
    for (std::size_t i = 0; i < arch.size(); ++i) {
      layers += !terms.term(terms.index(static_cast<int>(i), arch[i])).is_free;
    }
    return weighted_sum(space, arch, kAlike) + 0.05 * layers;
  };
  const auto others = measure(terms, layered, 40, 0.0, 6);
  const NetworkFit per_layer = fit_networks(
      terms, others, {.forms = {named(correction_forms(), "per layer")}, .prior = &prior});
  for (std::size_t i = 0; i < prior.ms.size(); ++i) {
    const double expected = terms.term(i).is_free ? 0.0 : prior.ms[i] + 0.05;
    CHECK(per_layer.terms[i] == Approx(expected).epsilon(1e-4).margin(1e-9));
  }
}

TEST_CASE_METHOD(KnownBlocks, "a block that does nothing is never corrected when times are known",
                 "[latency]") {
  // This holds even if the measured networks suggest that it costs something.
  const Truth truth = [&](const Architecture& arch) {
    double skips = 0.0;
    for (const LayerChoice choice : arch) skips += choice.op == 2 ? 1.0 : 0.0;
    return weighted_sum(space, arch, kPerOperator) + 0.3 * skips;
  };
  const auto networks = measure(terms, truth, 60, 0.01, 7);
  auto forms = correction_forms();
  for (const FitForm& form : adaptation_forms(true, false)) forms.push_back(form);
  bool any_free = false;
  for (const FitForm& form : forms) {
    const NetworkFit fit = fit_networks(terms, networks, {.forms = {form}, .prior = &prior});
    for (std::size_t i = 0; i < terms.terms(); ++i) {
      if (!terms.term(i).is_free) continue;
      any_free = true;
      CHECK(fit.terms[i] == 0.0);
    }
  }
  CHECK(any_free);
}

TEST_CASE_METHOD(KnownBlocks, "blocks of one shape get one time, whatever the position",
                 "[latency]") {
  const Truth truth = per_operator();
  const auto networks = measure(terms, truth, 40, 0.05, 8);
  for (const FitForm& form : correction_forms()) {
    const NetworkFit fit = fit_networks(terms, networks, {.forms = {form}, .prior = &prior});
    std::map<std::string, double> times;
    for (std::size_t i = 0; i < terms.terms(); ++i) {
      CHECK(times.try_emplace(terms.term(i).block_key, fit.terms[i]).first->second == fit.terms[i]);
    }
  }
}

TEST_CASE("a table adapted with twenty networks beats one that is only scaled", "[latency]") {
  const SearchSpace space = tiny_space(8);
  const LatencySpace terms(space);
  const TermPrior source = exact_prior(space);
  const Truth truth = [&](const Architecture& arch) {
    return 3.0 + 8.0 * weighted_sum(space, arch, kPerOperator);
  };
  const auto networks = measure(terms, truth, 20, 0.003, 9);
  const auto fresh = measure(terms, truth, 200, 0.0, 10);
  const auto forms = adaptation_forms(false, false);
  const NetworkFit adapted =
      fit_networks(terms, networks, {.forms = forms, .prior = &source, .rescale_prior = true});
  const NetworkFit scaled = fit_networks(
      terms, networks, {.forms = {named(forms, "scale")}, .prior = &source, .rescale_prior = true});
  CHECK(rmse_of(adapted, terms, fresh) < 0.5 * rmse_of(scaled, terms, fresh));
}

TEST_CASE("the unit of another device's table does not matter", "[latency]") {
  const SearchSpace space = tiny_space(8);
  const LatencySpace terms(space);
  const TermPrior source = exact_prior(space);
  TermPrior in_seconds = source;
  in_seconds.fixed_ms /= 1000.0;
  for (double& ms : in_seconds.ms) ms /= 1000.0;
  const Truth truth = [&](const Architecture& arch) {
    return 3.0 + 8.0 * weighted_sum(space, arch, kPerOperator);
  };
  const auto networks = measure(terms, truth, 20, 0.003, 11);
  const NetworkFit a = fit_networks(
      terms, networks,
      {.forms = adaptation_forms(false, false), .prior = &source, .rescale_prior = true});
  const NetworkFit b = fit_networks(
      terms, networks,
      {.forms = adaptation_forms(false, false), .prior = &in_seconds, .rescale_prior = true});
  for (const Measurement& network : networks) {
    CHECK(a.predict_ms(terms, network.arch) == Approx(b.predict_ms(terms, network.arch)));
  }
}

TEST_CASE("without a prior the fit predicts a chain, unseen choices included", "[latency]") {
  const SearchSpace space = tiny_space(6);
  const LatencySpace terms(space);
  const Truth truth = [&](const Architecture& arch) {
    return 0.25 + weighted_sum(space, arch, kPerOperator);
  };
  auto networks = measure(terms, truth, 150, 0.005, 12);
  const auto fresh = measure(terms, truth, 200, 0.0, 13);
  const NetworkFit fit = fit_networks(terms, networks, {.forms = network_forms(false)});
  CHECK(fit.fixed_ms == 0.0);
  CHECK(fit.trials.size() == 4);
  std::vector<double> times;
  for (const Measurement& network : fresh) times.push_back(network.ms);
  CHECK(rmse_of(fit, terms, fresh) < 0.1 * standard_deviation(times));
  // No network has operator 0 at layer 3, so its cost there must come from other layers.
  std::erase_if(networks, [](const Measurement& network) { return network.arch[3].op == 0; });
  const NetworkFit blind = fit_networks(terms, networks, {.forms = network_forms(false)});
  for (const int width : {0, 1}) {
    CHECK(blind.terms[terms.index(3, {0, width})] - blind.terms[terms.index(3, {2, 1})] ==
          Approx(1.5 * FakeTimer::block_ms(space.block(3, {0, width}))).epsilon(0.3));
  }
}

TEST_CASE("least squares of too few networks are not chosen", "[latency]") {
  const LatencySpace space = cell_space();
  const auto networks = measure(space, cell_ms, 8, 0.02, 14);
  const NetworkFit fit = fit_networks(space, networks, {.forms = network_forms(true)});
  CHECK(fit.form.find("least squares") == std::string::npos);
  CHECK(std::isfinite(fit.error_percent));
}

TEST_CASE("dead operators of a cell are free when the device leaves them out, and only then",
          "[latency]") {
  const LatencySpace space = cell_space();
  const Truth leaves_out = [&](const Architecture& arch) {
    return cell_ms(space.canonical(arch, DeadOperators::Free));
  };
  const auto fresh = measure(space, leaves_out, 300, 0.0, 16);
  const NetworkFit drops = fit_networks(space, measure(space, leaves_out, 120, 0.005, 15),
                                        {.forms = network_forms(true)});
  CHECK(drops.dead == DeadOperators::Free);
  CHECK(drops.form.find(", dead operators free") != std::string::npos);
  CHECK(rmse_of(drops, space, fresh) < 0.1);
  CHECK(drops.trials.size() == 3 * network_forms(true).size());
  // Two cells that differ in dead operators only.
  CHECK(drops.predict_ms(space, {{0, 0}, {0, 0}, {3, 0}, {1, 0}, {3, 0}, {3, 0}}) ==
        drops.predict_ms(space, {{0, 0}, {0, 0}, {0, 0}, {1, 0}, {0, 0}, {0, 0}}));

  const Truth leaves_out_unread = [&](const Architecture& arch) {
    return cell_ms(space.canonical(arch, DeadOperators::UnreadFree));
  };
  const NetworkFit unread = fit_networks(space, measure(space, leaves_out_unread, 120, 0.005, 15),
                                         {.forms = network_forms(true)});
  CHECK(unread.dead == DeadOperators::UnreadFree);

  const NetworkFit runs_all =
      fit_networks(space, measure(space, cell_ms, 120, 0.005, 15), {.forms = network_forms(true)});
  CHECK(runs_all.dead == DeadOperators::Cost);
  CHECK(rmse_of(runs_all, space, measure(space, cell_ms, 300, 0.0, 16)) < 0.1);
}

TEST_CASE("a form whose left-out error is known is preferred to one without", "[latency]") {
  // Only `d` is live in these cells. Without dead operators they are two networks, each measured
  // twice; with them, no network's time is determined by the others.
  const LatencySpace space = cell_space();
  const auto cell = [](int b, int c, int e, int d) {
    return Architecture{{0, 0}, {0, 0}, {b, 0}, {d, 0}, {c, 0}, {e, 0}};
  };
  std::vector<Measurement> networks;
  for (const Architecture& arch :
       {cell(0, 0, 0, 1), cell(1, 0, 0, 1), cell(0, 1, 0, 2), cell(0, 0, 1, 2)}) {
    networks.push_back({arch, cell_ms(space.canonical(arch, DeadOperators::Free))});
  }
  const NetworkFit fit = fit_networks(space, networks, {.forms = {network_forms(true).back()}});
  REQUIRE(fit.trials.size() == 3);
  REQUIRE(std::isnan(fit.trials[0].left_out_percent));
  REQUIRE(std::isfinite(fit.trials[2].left_out_percent));
  CHECK(fit.dead == DeadOperators::Free);
}

TEST_CASE("the error bar holds for about nine of ten networks not seen before", "[latency]") {
  const SearchSpace space = tiny_space(8);
  const LatencySpace terms(space);
  const TermPrior prior = exact_prior(space);
  const Truth truth = [&](const Architecture& arch) {
    return 0.25 + weighted_sum(space, arch, kPerOperator);
  };
  const auto fresh = measure(terms, truth, 1000, 0.02, 18);
  const auto covered = [&](const NetworkFit& fit) {
    std::size_t inside = 0;
    for (const Measurement& network : fresh) {
      const double predicted = fit.predict_ms(terms, network.arch);
      inside += std::abs(predicted - network.ms) <= fit.error_percent / 100.0 * predicted ? 1 : 0;
    }
    return static_cast<double>(inside) / static_cast<double>(fresh.size());
  };
  const auto networks = measure(terms, truth, 100, 0.02, 17);
  const NetworkFit corrected =
      fit_networks(terms, networks, {.forms = correction_forms(), .prior = &prior});
  CHECK(covered(corrected) > 0.8);
  CHECK(covered(corrected) < 0.97);
  const NetworkFit alone = fit_networks(terms, networks, {.forms = network_forms(false)});
  CHECK(covered(alone) > 0.8);
  CHECK(covered(alone) < 0.97);
}
