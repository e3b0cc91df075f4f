#include "hsconas/codesign/codesign.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "context.hpp"
#include "hsconas/base/error.hpp"

namespace hsconas {

namespace {

[[noreturn]] void refuse(const CodesignContext& context, const BestPairs& pairs) {
  const CodesignProblem& problem = context.problem;
  std::string nearest = "no network fits any design's buffer";
  if (pairs.nearest && std::isfinite(pairs.violation)) {
    const Pair& pair = *pairs.nearest;
    const Accelerator& design = problem.designs.designs()[pair.design];
    nearest = fmt::format("the nearest is network {} on {}, {:.6g} ms, energy {:.6g}",
                          problem.accuracies.space().encode(context.archive.network(pair.network)),
                          design.name, pair.cost.ms, pair.cost.energy);
    if (std::isfinite(problem.limits.power_mw)) {
      nearest += fmt::format(", {:.6g} mW", power_mw(pair.cost));
    }
    nearest += fmt::format(": feasible with limits {:.4g} times as high", 1.0 + pairs.violation);
  }
  throw Error(ErrorKind::Infeasible,
              fmt::format("{}: no pair that was tried meets the limits ({}); {}",
                          context.config.method, problem.limits.str(), nearest));
}

}  // namespace

CodesignResult codesign(const CodesignProblem& problem, const CodesignConfig& config,
                        const SearchConfig& search, std::uint64_t seed, Log& log,
                        const GroupStop& stop) {
  const CodesignMethod& method = find_codesign_method(config.method);
  if (method.run == nullptr) {
    throw Error(ErrorKind::Internal, fmt::format("codesign.method {} is no search", method.name));
  }
  PairArchive archive(problem, static_cast<std::size_t>(config.pairs_written));
  CodesignContext context{.problem = problem,
                          .config = config,
                          .search_config = search,
                          .seed = seed,
                          .log = log,
                          .stop = stop,
                          .archive = archive,
                          .designs = designs_inside(problem)};
  if (method.has_proxy) {
    context.proxy = proxy_of(problem.designs, config);
    archive.result.proxy = context.proxy;
  }
  BestPairs pairs = method.run(context);
  if (!pairs.best) refuse(context, pairs);
  archive.result.best = *pairs.best;
  archive.result.front = std::move(pairs.front);
  return std::move(archive.result);
}

std::size_t proxy_of(const DesignSpace& designs, const CodesignConfig& config) {
  return config.proxy.empty() ? designs.size() / 2 : designs.find(config.proxy);
}

}  // namespace hsconas
