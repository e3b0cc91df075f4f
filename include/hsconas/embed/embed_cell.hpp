#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/embed/cell_graph.hpp"

namespace hsconas {

struct EmbedSettings {
  int epochs = 10;         ///< Passes over the graphs to learn from.
  double held_back = 0.1;  ///< Fraction of the graphs that are not learned from, to judge by.
};

/// How well the autoencoder knows the cell.
struct EmbedReport {
  std::size_t networks = 0;
  std::size_t classes = 0;    ///< Networks that are different, see CellGraphs.
  std::size_t distinct = 0;   ///< Embeddings that are different.
  std::size_t learned = 0;    ///< Graphs that the autoencoder was trained on.
  std::size_t held_back = 0;  ///< Graphs that it was not trained on; the next three concern these.
  double operators = 0.0;     ///< Fraction of the operators that are decoded as they were encoded.
  double links = 0.0;         ///< Likewise of the pairs of nodes, linked or not.
  double graphs = 0.0;        ///< Fraction of the graphs that are decoded without any error.
  std::size_t draws = 0;      ///< Codes that are drawn around the mean of each node.
  double valid = 0.0;         ///< Fraction of the draws that decode to a network of the cell.
  double unique = 0.0;        ///< Number of different networks, as a fraction of the valid draws.
};

struct CellEmbedding {
  std::size_t dimensions = 0;
  std::vector<double> values;  ///< [class][dimension]
  EmbedReport report;

  std::span<const double> of(std::size_t number) const {
    return std::span(values).subspan(number * dimensions, dimensions);
  }
};

/// Trains an autoencoder on the graphs of a cell, without any accuracy, and embeds each class: the
/// mean over the nodes of the means of their codes. The same seed gives the same embeddings, apart
/// from rounding that differs between compilers. Throws Error(Usage) if the cell has fewer than 20
/// classes, Error(Interrupted) on a stop request. Cost for NAS-Bench-201: about a minute on one
/// core. Source: arch2vec (Yan et al., NeurIPS 2020).
CellEmbedding embed_cell(const CellGraphs& graphs, const EmbedSettings& settings,
                         std::uint64_t seed, Log& log, const StopToken& stop);

/// The file that Embeddings::load() reads, with a line for each network.
std::string embeddings_csv(const SearchSpace& space, const CellGraphs& graphs,
                           const CellEmbedding& embedding);

/// Rank correlations (Spearman) over random pairs of networks; NaN where they are not known.
struct Smoothness {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  std::size_t pairs = 0;
  double edits = kUnknown;     ///< Distance of the embeddings with the number of edges that differ.
  double accuracy = kUnknown;  ///< The same distance with the difference of the accuracies.
  double edits_accuracy = kUnknown;  ///< The number of edges that differ with that difference.
};

/// Compares the embeddings of `networks`, which are indices of CellGraphs, with `accuracies`, of
/// which there may be none. Fewer than three networks give no pairs.
Smoothness smoothness(const CellGraphs& graphs, const CellEmbedding& embedding,
                      std::span<const std::size_t> networks, std::span<const double> accuracies,
                      std::uint64_t seed);

}  // namespace hsconas
