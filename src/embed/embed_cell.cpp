#include "hsconas/embed/embed_cell.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "autoencoder.hpp"
#include "hsconas/base/adam.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/progress.hpp"
#include "hsconas/base/statistics.hpp"

namespace hsconas {

using Eigen::Index;
using Eigen::VectorXd;

namespace {

constexpr std::size_t kEmbedBatch = 32;
constexpr double kEmbedRate = 1e-3;  ///< At the start; falls to 0 along a cosine.
/// A longer gradient is scaled to this norm.
constexpr double kMostNorm = 5.0;
constexpr std::size_t kPriorDraws = 10'000;
constexpr std::size_t kFewestGraphs = 20;
/// Graphs that are encoded together.
constexpr std::size_t kEncodedTogether = 256;

using Numbers = std::span<const std::size_t>;

std::vector<CellGraph> graphs_of(const CellGraphs& graphs, Numbers classes) {
  std::vector<CellGraph> result;
  for (const std::size_t number : classes) {
    result.push_back(graphs.graph(graphs.network(graphs.first_of(number))));
  }
  return result;
}

NodeMatrix normal_matrix(Index rows, Index columns, Rng& rng) {
  NodeMatrix result(rows, columns);
  for (Index i = 0; i < result.size(); ++i) result.data()[i] = rng.normal();
  return result;
}

void train_on(Autoencoder& autoencoder, const CellGraphs& graphs, std::vector<std::size_t> classes,
              const EmbedSettings& settings, Rng& rng, Log& log, const StopToken& stop) {
  const std::size_t batches = (classes.size() + kEmbedBatch - 1) / kEmbedBatch;
  const auto steps = static_cast<double>(batches) * settings.epochs;
  Progress progress(log, "autoencoder", static_cast<std::int64_t>(steps));
  const std::span parameters = autoencoder.parameters();
  Adam adam;
  VectorXd gradient;
  double step = 0.0;
  for (int epoch = 0; epoch < settings.epochs; ++epoch) {
    rng.shuffle(std::span(classes));
    for (std::size_t first = 0; first < classes.size(); first += kEmbedBatch) {
      stop.check();
      const Numbers rest = Numbers(classes).subspan(first);
      const auto batch = graphs_of(graphs, rest.first(std::min(kEmbedBatch, rest.size())));
      const Index nodes = std::ssize(batch) * graphs.nodes();
      const NodeMatrix noise = normal_matrix(nodes, autoencoder.shape().latent, rng);
      const double loss =
          autoencoder.loss(batch, noise, 1.0 / static_cast<double>(nodes), gradient);
      gradient *= std::min(1.0, kMostNorm / gradient.norm());
      const double rate = 0.5 * kEmbedRate * (1.0 + std::cos(std::numbers::pi * step++ / steps));
      adam.descend(parameters, {gradient.data(), parameters.size()}, rate);
      progress.step(1, fmt::format("loss {:.4f}", loss));
    }
  }
}

/// Calls `take(number, codes)` with the codes [nodes, latent] of each class.
template <typename Take>
void encode_all(const Autoencoder& autoencoder, const CellGraphs& graphs, Numbers classes,
                const Take& take) {
  for (std::size_t first = 0; first < classes.size(); first += kEncodedTogether) {
    const Numbers rest = classes.subspan(first);
    const Numbers part = rest.first(std::min(kEncodedTogether, rest.size()));
    const NodeMatrix codes = autoencoder.encode(graphs_of(graphs, part));
    for (std::size_t i = 0; i < part.size(); ++i) {
      take(part[i], codes.middleRows(static_cast<Index>(i) * graphs.nodes(), graphs.nodes()));
    }
  }
}

/// Decodes graphs that the autoencoder does not know from the means of their codes.
void judge_decoding(const Autoencoder& autoencoder, const CellGraphs& graphs, Numbers classes,
                    EmbedReport& report) {
  std::size_t operators = 0;
  std::size_t links = 0;
  std::size_t whole = 0;
  encode_all(autoencoder, graphs, classes, [&](std::size_t number, const NodeMatrix& codes) {
    const CellGraph truth = graphs.graph(graphs.network(graphs.first_of(number)));
    const CellGraph decoded = autoencoder.decode(codes);
    for (std::size_t node = 1; node + 1 < truth.kinds.size(); ++node) {
      operators += truth.kinds[node] == decoded.kinds[node] ? 1U : 0U;
    }
    std::vector<std::pair<int, int>> wrong;
    std::set_symmetric_difference(truth.links.begin(), truth.links.end(), decoded.links.begin(),
                                  decoded.links.end(), std::back_inserter(wrong));
    links += wrong.size();
    whole += truth == decoded ? 1U : 0U;
  });
  const auto count = static_cast<double>(classes.size());
  const double nodes = graphs.nodes();
  report.operators = static_cast<double>(operators) / (count * (nodes - 2.0));
  report.links = 1.0 - static_cast<double>(links) / (count * nodes * (nodes - 1.0) / 2.0);
  report.graphs = static_cast<double>(whole) / count;
}

/// The network that a graph stands for; empty if there is none.
Architecture network_of(const CellGraphs& graphs, const CellGraph& graph) {
  Architecture arch;
  for (std::size_t node = 1; node + 1 < graph.kinds.size(); ++node) {
    if (graph.kinds[node] >= graphs.input_kind()) return {};
    arch.push_back({graph.kinds[node], 0});
  }
  return graphs.graph(arch) == graph ? arch : Architecture{};
}

/// Decodes codes drawn around the mean code of each node, with the deviation that the codes of that
/// node have.
void judge_draws(const Autoencoder& autoencoder, const CellGraphs& graphs, Numbers classes,
                 Rng& rng, EmbedReport& report) {
  const Index latent = autoencoder.shape().latent;
  NodeMatrix sum = NodeMatrix::Zero(graphs.nodes(), latent);
  NodeMatrix squares = sum;
  encode_all(autoencoder, graphs, classes, [&](std::size_t, const NodeMatrix& codes) {
    sum += codes;
    squares += codes.cwiseAbs2();
  });
  const auto count = static_cast<double>(classes.size());
  const NodeMatrix mean = sum / count;
  const NodeMatrix deviation = (squares / count - mean.cwiseAbs2()).cwiseMax(0.0).cwiseSqrt();
  std::set<Architecture> found;
  std::size_t valid = 0;
  for (std::size_t i = 0; i < kPriorDraws; ++i) {
    const NodeMatrix noise = normal_matrix(graphs.nodes(), latent, rng);
    const Architecture arch =
        network_of(graphs, autoencoder.decode(mean + deviation.cwiseProduct(noise)));
    if (arch.empty()) continue;
    ++valid;
    found.insert(arch);
  }
  report.draws = kPriorDraws;
  report.valid = static_cast<double>(valid) / static_cast<double>(kPriorDraws);
  report.unique = valid == 0 ? 0.0 : static_cast<double>(found.size()) / static_cast<double>(valid);
}

std::vector<std::size_t> first_numbers(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  return numbers;
}

std::string numbers_of(std::span<const double> values) {
  std::string text;
  for (const double value : values) text += fmt::format(",{:.7g}", value);
  return text;
}

}  // namespace

CellEmbedding embed_cell(const CellGraphs& graphs, const EmbedSettings& settings,
                         std::uint64_t seed, Log& log, const StopToken& stop) {
  if (graphs.classes() < kFewestGraphs) {
    throw Error(
        ErrorKind::Usage,
        fmt::format("the cell has only {} different networks, too few to learn from: name a "
                    "cell with at least {}",
                    graphs.classes(), kFewestGraphs));
  }
  Rng rng(seed, "embed");
  Autoencoder autoencoder({.nodes = graphs.nodes(), .kinds = graphs.kinds()}, rng);
  const auto all = first_numbers(graphs.classes());
  std::vector<std::size_t> classes = all;
  rng.shuffle(std::span(classes));
  const auto held_back = std::clamp<std::size_t>(
      static_cast<std::size_t>(settings.held_back * static_cast<double>(classes.size())), 1,
      classes.size());
  const std::vector<std::size_t> unseen(classes.end() - static_cast<std::ptrdiff_t>(held_back),
                                        classes.end());
  classes.resize(classes.size() - held_back);
  train_on(autoencoder, graphs, classes, settings, rng, log, stop);

  CellEmbedding result{.dimensions = static_cast<std::size_t>(autoencoder.shape().latent),
                       .values = {},
                       .report = {.networks = graphs.networks(),
                                  .classes = graphs.classes(),
                                  .learned = classes.size(),
                                  .held_back = held_back}};
  judge_decoding(autoencoder, graphs, unseen, result.report);
  judge_draws(autoencoder, graphs, classes, rng, result.report);
  std::set<std::string> distinct;
  encode_all(autoencoder, graphs, all, [&](std::size_t, const NodeMatrix& codes) {
    const VectorXd embedding = codes.colwise().mean();
    result.values.insert(result.values.end(), embedding.begin(), embedding.end());
    distinct.insert(numbers_of({embedding.data(), result.dimensions}));
  });
  result.report.distinct = distinct.size();
  return result;
}

std::string embeddings_csv(const SearchSpace& space, const CellGraphs& graphs,
                           const CellEmbedding& embedding) {
  std::string text = "arch";
  for (std::size_t i = 1; i <= embedding.dimensions; ++i) text += fmt::format(",e{}", i);
  text += "\n";
  for (std::size_t network = 0; network < graphs.networks(); ++network) {
    text += space.encode(graphs.network(network)) +
            numbers_of(embedding.of(graphs.class_of(network))) + "\n";
  }
  return text;
}

Smoothness smoothness(const CellGraphs& graphs, const CellEmbedding& embedding,
                      std::span<const std::size_t> networks, std::span<const double> accuracies,
                      std::uint64_t seed) {
  constexpr std::size_t kPairs = 20'000;
  if (networks.size() < 3) return {};
  Rng rng(seed, "smoothness");
  std::vector<double> distances;
  std::vector<double> edits;
  std::vector<double> differences;
  while (distances.size() < kPairs) {
    const std::size_t a = rng.index(networks.size());
    const std::size_t b = rng.index(networks.size());
    if (a == b) continue;
    const auto left = embedding.of(graphs.class_of(networks[a]));
    const auto right = embedding.of(graphs.class_of(networks[b]));
    double squares = 0.0;
    for (std::size_t i = 0; i < left.size(); ++i) squares += std::pow(left[i] - right[i], 2);
    distances.push_back(std::sqrt(squares));
    const Architecture first = graphs.network(networks[a]);
    const Architecture second = graphs.network(networks[b]);
    int changed = 0;
    for (std::size_t i = 0; i < first.size(); ++i) changed += first[i] == second[i] ? 0 : 1;
    edits.push_back(changed);
    differences.push_back(accuracies.empty() ? 0.0 : std::abs(accuracies[a] - accuracies[b]));
  }
  return {.pairs = kPairs,
          .edits = spearman(distances, edits),
          .accuracy = spearman(distances, differences),
          .edits_accuracy = spearman(edits, differences)};
}

}  // namespace hsconas
