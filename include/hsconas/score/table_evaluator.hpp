#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hsconas/score/evaluator.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Known accuracies: those of a benchmark, or of networks that were trained before.
class TableEvaluator : public Evaluator {
 public:
  /// Reads a CSV (plain or gzip) with a column of architectures, "arch" or "ops", and one of
  /// accuracies: percent when any value is above 1, else fractions. Throws Error(Data) that names
  /// the line: an architecture of another space or a second time, an accuracy out of range, no row.
  TableEvaluator(const SearchSpace& space, const std::filesystem::path& csv,
                 const std::string& column);

  /// Throws Error(Usage) for an architecture that the table lacks.
  std::vector<double> accuracy(std::span<const Architecture> archs) override;

  /// The accuracy of one architecture, which the table must have.
  double accuracy(const Architecture& arch) const;

  /// Every architecture of the table in its order, in canonical form.
  const std::vector<Architecture>& architectures() const { return architectures_; }

 private:
  const SearchSpace& space_;
  std::string source_;
  std::map<Architecture, double> known_;
  std::vector<Architecture> architectures_;
};

}  // namespace hsconas
