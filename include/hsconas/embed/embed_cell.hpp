#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/base/stop_token.hpp"
#include "hsconas/embed/cell_graph.hpp"

namespace hsconas {

struct EmbedSettings {
  int epochs = 40;         ///< Passes over the graphs to learn from.
  double held_back = 0.1;  ///< Fraction of the graphs that are not learned from, to judge by.
};

/// How well the autoencoder knows the cell.
struct EmbedReport {
  std::size_t networks = 0;
  std::size_t classes = 0;   ///< Different ones, see CellGraphs.
  std::size_t distinct = 0;  ///< Different embeddings.
  std::size_t learned = 0;   ///< Graphs that the autoencoder was trained on.
  // Fractions that are decoded as they were encoded, of the graphs that it was not trained on.
  std::size_t held_back = 0;
  double operators = 0.0;
  double links = 0.0;     ///< Of the pairs of nodes, whether linked or not.
  double graphs = 0.0;    ///< Without any error.
  std::size_t draws = 0;  ///< Codes that are drawn around the mean of each node.
  double valid = 0.0;     ///< Fraction of the draws that decode to a network of the cell.
  double unique = 0.0;    ///< Different networks, as a fraction of the valid draws.
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

/// Rank correlations (Spearman) over random pairs of networks.
struct Smoothness {
  std::size_t pairs = 0;
  double edits = 0.0;     ///< Distance of the embeddings with the number of edges that differ.
  double accuracy = 0.0;  ///< The same distance with the difference of the accuracies.
  double edits_accuracy = 0.0;  ///< The number of edges that differ with that difference.
};

/// `networks` of the cell, at least three, and their accuracies; without accuracies, correlations
/// with these are NaN.
Smoothness smoothness(const CellGraphs& graphs, const CellEmbedding& embedding,
                      std::span<const std::size_t> networks, std::span<const double> accuracies,
                      std::uint64_t seed);

}  // namespace hsconas
