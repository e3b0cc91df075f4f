#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "hsconas/space/network_region.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// A list of numbers for each network of a space, such that networks with near lists are alike.
class Embeddings {
 public:
  /// Reads a CSV (plain or gzip) with a column of architectures, "arch", and columns of numbers.
  /// Throws Error(Data) that names the file and the line: no other column, an architecture of
  /// another space or a second time, what is not a number.
  static Embeddings load(const SearchSpace& space, const std::filesystem::path& csv);

  /// Throws Error(Usage) that names the first of `networks` without an embedding.
  void require(const SearchSpace& space, std::span<const Architecture> networks) const;

  std::size_t size() const { return rows_.size(); }
  /// Numbers per network.
  std::size_t dimensions() const { return dimensions_; }
  /// The embedding of the network with these canonical genes, which the file must hold.
  std::span<const double> of(const Genes& genes) const;

 private:
  std::string source_;
  std::size_t dimensions_ = 0;
  std::vector<double> values_;         ///< [row][dimension]
  std::map<Genes, std::size_t> rows_;  ///< By canonical genes.
};

}  // namespace hsconas
